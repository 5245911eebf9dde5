package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// A pruned repository, a mistyped selector, a deleted CRD: what serves goes on to serve until
// somebody says that it is meant.
func TestTheBrakeHoldsWhatNobodyMayHaveMeant(t *testing.T) {
	t.Parallel()
	flags, err := withController()
	if err != nil {
		t.Fatal(err)
	}
	s := newSceneIn(t, startLab(t, append(flags, "--controller-flag=--brake-deletions=3", "--speed=5")...))
	aws := accountOf(t, s.lab)
	s.apply(deployment + "---" + ingress)
	pruned := make([]string, 6)
	for i := range pruned {
		pruned[i] = fmt.Sprintf("pruned-%d", i)
		s.apply(ingressFor(pruned[i], "/", "web"))
	}
	s.eventually("seven load balancers are there", func() bool { return len(aws.loadBalancers()) == 7 })
	name := s.hostname("web")
	healthy := func() int {
		return len(slices.DeleteFunc(slices.Collect(maps.Values(aws.states(name))), func(state string) bool { return state != "healthy" }))
	}
	s.eventually("three targets are healthy", func() bool { return healthy() == 3 })

	s.kubectl(append([]string{"delete", "ingress", "--wait=false"}, pruned...)...)
	s.eventually("deletions are held, and people told what to do", func() bool {
		return strings.Contains(s.kubectl("get", "events", "--field-selector=reason=DeletionHeld"), "kubectl annotate loadbalancers.sluice.dev ingress."+s.namespace)
	})
	time.Sleep(3 * time.Second)
	if n := len(aws.loadBalancers()); n < 4 {
		t.Errorf("%d load balancers are left of seven: more than three went", n)
	}
	s.kubectl("annotate", "loadbalancers.sluice.dev", "--all", "sluice.dev/confirm-deletion=true")
	s.eventually("what is confirmed goes", func() bool { return len(aws.loadBalancers()) == 1 })
	s.eventually("what was not held has no confirmation left for later", func() bool {
		return s.kubectl("get", "loadbalancers.sluice.dev", "-o", `jsonpath={.items[*].metadata.annotations.sluice\.dev/confirm-deletion}`) == ""
	})

	s.kubectl("patch", "service", "web", "-p", `{"spec":{"selector":{"app":"mistyped"}}}`)
	s.eventually("people are told of targets without an endpoint", func() bool {
		return strings.Contains(s.kubectl("get", "events", "--field-selector=reason=DeregistrationHeld"), "sluice.dev/confirm-deregistration=true")
	})
	s.kubectl("patch", "service", "web", "-p", `{"spec":{"selector":{"app":"web"}}}`)

	s.kubectl("delete", "targetgroupbindings.elbv2.k8s.aws", "--all")
	s.eventually("a deleted binding comes back", func() bool { return s.kubectl("get", "targetgroupbindings.elbv2.k8s.aws", "-o", "name") != "" })

	s.kubectl("delete", "crd", "targetgroupbindings.elbv2.k8s.aws", "--timeout=60s")
	time.Sleep(3 * time.Second)
	if n := healthy(); n != 3 {
		t.Errorf("%d targets are healthy after all that, want 3", n)
	}
}
