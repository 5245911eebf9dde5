package balancer

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// serve answers one request.
func (f *Front) serve(port int, w http.ResponseWriter, r *http.Request) {
	now := f.now.Load()
	routes := now.table.Listeners[port]
	if routes == nil { // the listener has just been deleted
		(&Routes{}).refuse(w, http.StatusServiceUnavailable)
		return
	}
	if begun, ok := r.Context().Value(bornKey{}).(time.Time); ok && now.table.KeepAlive > 0 && time.Since(begun) > now.table.KeepAlive {
		w.Header().Set("Connection", "close") // with HTTP/2 the server makes a GOAWAY of it
	}
	if now.table.DropInvalid {
		dropInvalid(r.Header)
	}
	action := routes.match(r)
	if guarded, ok := action.(Guarded); ok {
		if guarded.stops(routes, w, r) {
			return
		}
		action = guarded.Action
	}
	switch action := action.(type) {
	case Fixed:
		routes.sign(w.Header())
		action.answer(w)
	case Redirect:
		routes.sign(w.Header())
		action.answer(w, r, port)
	case *Forward:
		now.forward(action, routes, port, w, r)
	}
}

// exchange is what the proxy must know of a request beside the request itself.
type exchange struct {
	target  *Target
	version Version
	table   *Table
	routes  *Routes
	port    int
	cookies []*http.Cookie // for the client, beside the target's own
	byApp   *Stickiness    // if the target's answer decides whether the client is to stay
}

type exchangeKey struct{}

// Statuses that only an ALB has ("Troubleshoot your Application Load Balancers").
const (
	statusClientClosed     = 460 // the client went away before the answer; it is only ever seen in logs
	statusTooManyForwarded = 463 // more than 30 addresses in X-Forwarded-For
	statusMismatch         = 464 // the client's protocol does not fit the group's protocol version

	maxForwarded = 30
)

// choose finds the target of a request, or the status of a refusal.
func (x *exchange) choose(action *Forward, r *http.Request) (status int) {
	if strings.Count(strings.Join(r.Header[forwardedForHeader], ","), ",") >= maxForwarded {
		return statusTooManyForwarded
	}
	group := x.chooseGroup(action, r)
	if group == nil {
		return http.StatusServiceUnavailable
	}
	settings := group.settings.Load()
	if x.version = settings.Version; !x.version.fits(r) {
		return statusMismatch
	}
	if x.target = x.chooseTarget(group, settings, r); x.target == nil {
		return http.StatusServiceUnavailable
	}
	if err := action.transform(r); err != nil {
		return http.StatusInternalServerError
	}
	return 0
}

// fits reports whether a group of this version takes the request.
func (v Version) fits(r *http.Request) bool {
	isGRPC := strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc")
	switch v {
	case HTTP2:
		return r.ProtoMajor == 2
	case GRPC:
		return r.ProtoMajor == 2 && r.Method == http.MethodPost
	case HTTP1:
	}
	return !isGRPC
}

// forward passes a request to a target. There is no second try with another target: what one target did to a request
// is not known, so a load balancer answers 502. (A connection from the pool that the target had closed while it was
// idle is another matter: net/http notices before any byte of an answer, and sends a request that may be repeated once
// more to the same target, over a new connection. That hides the race of two timers, not a dead target.)
func (s *snapshot) forward(action *Forward, routes *Routes, port int, w http.ResponseWriter, r *http.Request) {
	x := &exchange{table: s.table, routes: routes, port: port}
	if status := x.choose(action, r); status != 0 {
		routes.refuse(w, status)
		return
	}
	if r.ProtoMajor == 1 && r.ContentLength != 0 {
		_ = http.NewResponseController(w).EnableFullDuplex() // an answer may begin before the request has ended
	}
	target := x.target
	target.outstanding.Add(1)
	defer target.outstanding.Add(-1)
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	//nolint:contextcheck // the target's own context, which its removal cuts
	defer context.AfterFunc(target.ctx, func() { cancel(context.Cause(target.ctx)) })()
	ctx = context.WithValue(ctx, exchangeKey{}, x)
	s.proxy.ServeHTTP(w, r.WithContext(ctx))
}

// Limits of "Troubleshoot your Application Load Balancers" and "Quotas for your Application Load Balancers".
const (
	connectTimeout      = 10 * time.Second // then 504
	handshakeTimeout    = 10 * time.Second // then 502
	maxResponseHeader   = 32 << 10         // beyond it 502
	idlePerTarget       = 512              // so that no connection is closed only because many came back at once
	copyBuffer          = 32 << 10
	traceHeader         = "X-Amzn-Trace-Id"
	forwardedForHeader  = "X-Forwarded-For"
	forwardedPortHeader = "X-Forwarded-Port"
	forwardedHeader     = "X-Forwarded-Proto"
	ownServer           = "awselb/2.0"
)

// newProxy returns the handler that passes requests on, and a function that closes its idle connections.
func newProxy(idle time.Duration, log *slog.Logger) (http.Handler, func()) {
	upstream := newUpstream(idle)
	return &httputil.ReverseProxy{
		Rewrite:        rewrite,
		ModifyResponse: dress,
		Transport:      upstream,
		BufferPool:     buffers{},
		ErrorHandler:   fail,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}, upstream.closeIdle
}

func rewrite(p *httputil.ProxyRequest) {
	x := p.In.Context().Value(exchangeKey{}).(*exchange)
	p.Out.URL.Scheme = x.target.group.scheme
	p.Out.URL.Host = x.target.Addr.String()
	p.Out.URL.RawQuery = p.In.URL.RawQuery // the proxy drops what it cannot parse; a load balancer does not look
	p.Out.Trailer = p.In.Trailer           // filled when the body has been read
	for _, name := range []string{"Forwarded", "X-Forwarded-Host", forwardedForHeader} {
		if values, ok := p.In.Header[name]; ok {
			p.Out.Header[name] = values
		}
	}
	x.forwardedFor(p.Out.Header, p.In.RemoteAddr)
	p.Out.Header.Set(forwardedHeader, protocolOf(p.In))
	x.tlsHeaders(p)
	p.Out.Header.Set(forwardedPortHeader, strconv.Itoa(x.port))
	p.Out.Header.Set(traceHeader, traceID(p.In.Header.Get(traceHeader), time.Now()))
}

// dress puts the listener's headers into a target's answer.
func dress(answer *http.Response) error {
	x := answer.Request.Context().Value(exchangeKey{}).(*exchange)
	x.stay(answer)
	for name, value := range x.routes.ResponseHeaders {
		answer.Header.Set(name, value)
	}
	return nil
}

// forwardedFor treats X-Forwarded-For as the load balancer's attributes say.
func (x *exchange) forwardedFor(header http.Header, peer string) {
	switch x.table.ForwardedFor {
	case PreserveForwarded:
		return
	case RemoveForwarded:
		header.Del(forwardedForHeader)
		return
	case AppendForwarded:
	}
	if !x.table.ClientPort {
		peer = hostOnly(peer)
	}
	before := header[forwardedForHeader]
	header.Set(forwardedForHeader, strings.Join(append(slices.Clip(before), peer), ", "))
}

// fail answers for a target that did not.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	ctx := r.Context()
	routes := ctx.Value(exchangeKey{}).(*exchange).routes
	switch {
	case errors.Is(context.Cause(ctx), errCut):
		routes.refuse(w, http.StatusBadGateway)
	case ctx.Err() != nil:
		w.WriteHeader(statusClientClosed)
	case timedOut(err):
		routes.refuse(w, http.StatusGatewayTimeout)
	default:
		routes.refuse(w, http.StatusBadGateway)
	}
}

// tlsHeaders tells the target of the client's TLS: what was agreed on, where the attribute
// routing.http.x_amzn_tls_version_and_cipher_suite.enabled says so, and who the client is, where it had to show that.
func (x *exchange) tlsHeaders(p *httputil.ProxyRequest) {
	if p.In.TLS == nil || x.routes.TLS == nil {
		return
	}
	if x.table.TLSHeaders {
		version := strings.Replace(tls.VersionName(p.In.TLS.Version), "TLS ", "TLSv", 1)
		p.Out.Header.Set("X-Amzn-Tls-Version", version)
		p.Out.Header.Set("X-Amzn-Tls-Cipher-Suite", tls.CipherSuiteName(p.In.TLS.CipherSuite))
	}
	x.routes.TLS.Mutual.introduce(p.In.TLS, p.Out.Header)
	for name, other := range x.routes.RequestNames {
		if values, ok := p.Out.Header[name]; ok {
			delete(p.Out.Header, name)
			p.Out.Header[http.CanonicalHeaderKey(other)] = values
		}
	}
}

// buffers are reused between the bodies that pass through.
type buffers struct{}

var bufferPool = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

func (buffers) Get() []byte  { return bufferPool.Get().(*[copyBuffer]byte)[:] }
func (buffers) Put(b []byte) { bufferPool.Put((*[copyBuffer]byte)(b)) }
