package localaws

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"sync"

	"github.com/sluice-lb/sluice/internal/localaws/access"
	"github.com/sluice-lb/sluice/internal/localaws/policy"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// Principal is somebody with policies of its own, as a role that a workload has.
type Principal struct {
	ARN      string            // as error messages name it
	Policies []policy.Document // what it may do
	Roles    []policy.Document // what the roles may do that it assumes
}

// Decided is one request of a principal's call, and what became of it.
type Decided struct {
	Principal string
	Request   policy.Request
	Decision  policy.Decision
}

// guard knows the principals. Who is none of them may do everything.
type guard struct {
	mu         sync.Mutex
	principals map[string]*Principal // by the id of the access key
}

func newGuard(configured map[string]Principal) *guard {
	g := &guard{principals: map[string]*Principal{}}
	for key, principal := range maps.All(configured) {
		g.principals[key] = &principal
	}
	return g
}

func (g *guard) principal(key string) *Principal {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.principals[key]
}

// assume notes that somebody has credentials of a role now: another principal, if it was one before.
func (g *guard) assume(by *Principal, key, arn string) {
	if by == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.principals[key] = &Principal{ARN: arn, Policies: by.Roles}
}

// authorize asks IAM for all that a call needs.
func (c *Cloud) authorize(by *Principal, service, operation string, form url.Values) error {
	if by != nil {
		for _, request := range access.Requests(service, operation, form, c.world()) {
			decision := policy.Decide(by.Policies, request)
			if c.config.Decided != nil {
				c.config.Decided(Decided{Principal: by.ARN, Request: request, Decision: decision})
			}
			if !decision.Allowed {
				return unauthorized(c.services[service].Dialect, by.ARN, request, decision)
			}
		}
	}
	if service == "elbv2" && (operation == "CreateLoadBalancer" || operation == "CreateTargetGroup") {
		c.iam.MakeServiceRole(serviceOfBalancers)
	}
	return nil
}

const serviceOfBalancers = "elasticloadbalancing.amazonaws.com"

func (c *Cloud) world() access.World {
	return access.World{
		Region: c.config.Region, Account: c.config.AccountID, NoServiceRole: !c.iam.HasServiceRole(serviceOfBalancers),
		Type: c.network.TypeOf, VPC: c.network.VPCOf,
		Tags: func(arn string) (map[string]string, bool) {
			if tags, exists := c.network.TagsOf(arn); exists {
				return tags, true
			}
			return c.elb.TagsOf(arn)
		},
	}
}

// unauthorized is the error of each family of services ("Troubleshoot access denied error messages", IAM user guide). EC2
// says in a code that only it can read what it was that was asked for; here that is the request in words.
func unauthorized(d wire.Dialect, who string, request policy.Request, decision policy.Decision) error {
	because := "because no identity-based policy allows the " + request.Action + " action"
	if decision.Denied {
		because = "with an explicit deny in an identity-based policy"
	}
	on := ""
	if request.Resource != "*" {
		on = " on resource: " + request.Resource
	}
	e := &wire.Error{
		Status: http.StatusForbidden, Code: "AccessDenied",
		Message: fmt.Sprintf("User: %s is not authorized to perform: %s%s %s", who, request.Action, on, because),
	}
	switch {
	case d.EC2:
		e.Code = "UnauthorizedOperation"
		e.Message = "You are not authorized to perform this operation. " + e.Message + ". Encoded authorization failure message: " + url.QueryEscape(fmt.Sprint(request.Context))
	case d.Target != "":
		e.Status, e.Code = http.StatusBadRequest, "AccessDeniedException"
	}
	return e
}
