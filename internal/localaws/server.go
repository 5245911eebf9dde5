package localaws

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/fault"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

const (
	readHeaderTimeout = 10 * time.Second
	maxBody           = 4 << 20 // far more than any call has
)

func (c *Cloud) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/", c.answer)
	c.admin(mux)
	return mux
}

// answer serves one call of any service.
func (c *Cloud) answer(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	requestID := c.requestID()
	w.Header().Set("X-Amzn-Requestid", requestID)
	if !wait(r, c.config.Latency) {
		return
	}
	name, operation, err := c.read(r)
	service, ok := c.services[name]
	if !ok {
		service.Dialect = wire.ELBv2 // any dialect will do for an error, if it is of the caller's protocol
		if r.Header.Get("X-Amz-Target") != "" {
			service.Dialect = wire.JSON("unknown", "ValidationException")
		}
	}
	verdict := c.verdict(name, operation)
	call := Call{Service: name, Operation: operation, Result: "ok", Role: c.tokens.role(r), Fault: verdict.Kind}
	if !wait(r, verdict.Delay) || c.cutShort(w, verdict, call) {
		return
	}
	var out any
	if err == nil {
		out, err = c.call(name, operation, verdict, r)
	}
	if err != nil {
		refusal := asError(err)
		call.Result = refusal.Code
		c.journal.note(call)
		c.lose(verdict)
		c.complain(service.Dialect.Refuse(w, requestID, refusal))
		return
	}
	c.journal.note(call)
	c.lose(verdict)
	c.complain(service.Dialect.Respond(w, operation, requestID, out))
}

// read says what a call asks of whom, and makes a form of its parameters whatever the protocol is.
func (c *Cloud) read(r *http.Request) (service, operation string, err error) {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		prefix, operation, _ := strings.Cut(target, ".")
		name := signedFor(r)
		for candidate, s := range c.services {
			if s.Dialect.Target == prefix {
				name = candidate
			}
		}
		r.Form, err = wire.Form(r.Body)
		return name, operation, err
	}
	if err := r.ParseForm(); err != nil {
		return "", "", wire.Errorf("MalformedInput", "The body is not a form: %s", err)
	}
	return serviceOf(r), r.Form.Get("Action"), nil
}

func (c *Cloud) call(name, operation string, verdict fault.Verdict, r *http.Request) (any, error) {
	if verdict.Code != "" {
		return nil, injected(verdict.Code)
	}
	if err := c.throttle.allow(name, operation, time.Now()); err != nil {
		return nil, err
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" && c.services[name].Dialect.Target == "" {
		return nil, wire.Errorf("UnknownOperationException", "The local AWS has no operation %s", target)
	}
	by := c.guard.principal(keyOf(r))
	if err := c.authorize(by, name, operation, r.Form); err != nil {
		return nil, err
	}
	out, err := c.asOf(name, verdict.Stale).Call(operation, r.Form)
	if role, assumed := out.(roleOutput); assumed && err == nil {
		c.guard.assume(by, role.Credentials.ID, role.User.ARN)
	}
	return out, err
}

// wait lets a while pass; it is false if the caller is gone by then.
func wait(r *http.Request, d time.Duration) bool {
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

func (c *Cloud) complain(err error) {
	if err != nil {
		c.config.Log.Debug("an answer did not reach its caller", "error", err)
	}
}

func (c *Cloud) requestID() string {
	a, b := c.clock.Uint64(), c.clock.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>52, b&0xffffffffffff)
}

func asError(err error) *wire.Error {
	if e, ok := errors.AsType[*wire.Error](err); ok {
		return e
	}
	return &wire.Error{Status: http.StatusInternalServerError, Code: "InternalFailure", Message: err.Error()}
}

// credentialScope is the part of a signature that says what is signed for: key/date/region/service/aws4_request.
var credentialScope = regexp.MustCompile(`Credential=([^/,]+)/\d{8}/[^/]+/([^/]+)/aws4_request`)

// signedFor is the service that a call was signed for, or "".
func signedFor(r *http.Request) string {
	if match := credentialScope.FindStringSubmatch(r.Header.Get("Authorization")); match != nil {
		return match[2]
	}
	return ""
}

// keyOf is the id of the access key that signed a call, or "".
func keyOf(r *http.Request) string {
	if match := credentialScope.FindStringSubmatch(r.Header.Get("Authorization")); match != nil {
		return match[1]
	}
	return ""
}

// versions are the API versions, by which calls are told apart where the signature does not: unsigned ones, and the two
// generations of Elastic Load Balancing, which are signed alike.
var versions = map[string]string{
	"2015-12-01": "elbv2",
	"2012-06-01": "elb",
	"2016-11-15": "ec2",
	"2011-06-15": "sts",
	"2010-05-08": "iam",
}

func serviceOf(r *http.Request) string {
	signed, byVersion := signedFor(r), versions[r.Form.Get("Version")]
	switch {
	case signed == "" || signed == "elasticloadbalancing":
		return byVersion
	default:
		return signed
	}
}
