package localaws

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/elbv2"
	"github.com/sluice-lb/sluice/internal/localaws/fault"
)

// adminPath is where a Cloud answers questions that AWS has no API for.
const adminPath = "/_localaws/"

// Admin speaks to a running Cloud over HTTP, from the same process or another.
type Admin struct {
	URL string // as Cloud.URL gives it
}

// Address says where to connect to reach a listener of a load balancer.
type Address = elbv2.Address

// Calls reads the journal of calls, sorted by service, operation and result. With reset it is also cleared, and no call
// is lost between the two.
func (a Admin) Calls(ctx context.Context, reset bool) ([]Call, error) {
	method := http.MethodGet
	if reset {
		method = http.MethodDelete
	}
	var calls []Call
	err := a.do(ctx, method, "calls", &calls)
	return calls, err
}

// Addresses lists where the listeners of all load balancers can be reached now.
func (a Admin) Addresses(ctx context.Context) ([]Address, error) {
	var addresses []Address
	err := a.do(ctx, http.MethodGet, "addresses", &addresses)
	return addresses, err
}

// Targets lists the targets of all groups, with the moments that the API does not tell. Only the lab's benches ask.
func (a Admin) Targets(ctx context.Context) ([]elbv2.RegisteredTarget, error) {
	var targets []elbv2.RegisteredTarget
	err := a.do(ctx, http.MethodGet, "targets", &targets)
	return targets, err
}

// AddFault lets something go wrong from now on, and returns the rule with its ID.
func (a Admin) AddFault(ctx context.Context, rule fault.Rule) (fault.Rule, error) {
	var added fault.Rule
	body, err := json.Marshal(rule)
	if err != nil {
		return added, fmt.Errorf("writing a fault: %w", err)
	}
	err = a.send(ctx, http.MethodPost, "faults", bytes.NewReader(body), &added)
	return added, err
}

// Faults lists the rules in force.
func (a Admin) Faults(ctx context.Context) ([]fault.Rule, error) {
	var rules []fault.Rule
	err := a.do(ctx, http.MethodGet, "faults", &rules)
	return rules, err
}

// ClearFaults ends all rules, and returns those that were in force.
func (a Admin) ClearFaults(ctx context.Context) ([]fault.Rule, error) {
	var rules []fault.Rule
	err := a.do(ctx, http.MethodDelete, "faults", &rules)
	return rules, err
}

func (a Admin) do(ctx context.Context, method, what string, into any) error {
	return a.send(ctx, method, what, nil, into)
}

func (a Admin) send(ctx context.Context, method, what string, body io.Reader, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(a.URL, "/")+adminPath+what, body)
	if err != nil {
		return fmt.Errorf("asking the local AWS for its %s: %w", what, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("asking the local AWS for its %s: %w", what, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusBadRequest {
		reason, _ := io.ReadAll(response.Body)
		return errors.New(strings.TrimSpace(string(reason)))
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("asking the local AWS for its %s: it answered %s", what, response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("reading the local AWS's %s: %w", what, err)
	}
	return nil
}

// admin adds what Admin asks for.
func (c *Cloud) admin(mux *http.ServeMux) {
	serve := func(pattern string, get func() any) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			c.complain(json.NewEncoder(w).Encode(get()))
		})
	}
	serve("GET "+adminPath+"calls", func() any { return c.journal.read(false) })
	serve("DELETE "+adminPath+"calls", func() any { return c.journal.read(true) })
	serve("GET "+adminPath+"faults", func() any { return c.faults.List() })
	serve("DELETE "+adminPath+"faults", func() any { return c.faults.Clear() })
	mux.HandleFunc("POST "+adminPath+"faults", c.addFault)
	mux.HandleFunc("GET "+adminPath+"objects/{bucket}/{key}", func(w http.ResponseWriter, r *http.Request) {
		content, found := c.objects.Get(r.PathValue("bucket"), r.PathValue("key"))
		if !found {
			http.NotFound(w, r)
			return
		}
		_, err := w.Write(content)
		c.complain(err)
	})
	mux.HandleFunc("GET "+adminPath+"ca.pem", func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write([]byte(c.acm.Root()))
		c.complain(err)
	})
	serve("GET "+adminPath+"targets", func() any { return c.elb.Registered() })
	serve("GET "+adminPath+"addresses", func() any { return c.elb.Reachable() })
}
