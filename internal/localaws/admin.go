package localaws

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/elbv2"
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

func (a Admin) do(ctx context.Context, method, what string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(a.URL, "/")+adminPath+what, nil)
	if err != nil {
		return fmt.Errorf("asking the local AWS for its %s: %w", what, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("asking the local AWS for its %s: %w", what, err)
	}
	defer func() { _ = response.Body.Close() }()
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
	serve("GET "+adminPath+"addresses", func() any { return c.elb.Reachable() })
}
