package localaws_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRequestsReachHealthyTargets(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	target := c.server("one", nil).Listener.Addr().String()
	balancer := c.loadBalancer("web")
	group := c.targetGroup("web", nil)
	c.listener(*balancer.LoadBalancerArn, 8081, forwardTo(group))
	c.register(group, target)
	eventually(c, "health", func() string { return c.health(group, target) }, "healthy")
	address := c.address(*balancer.DNSName, 8081)
	if diff := cmp.Diff(response{200, "one"}, c.get(address, "a.example.com", "/")); diff != "" {
		t.Error(diff)
	}
}
