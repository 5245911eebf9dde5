package e2e

import (
	"fmt"
	"testing"
	"time"
)

// Who loses the lease stops writing and goes on as a standby: the same process leads again when
// the lease is free.
func TestALostLeaseEndsTheWritingNotTheProcess(t *testing.T) {
	t.Parallel()
	s := newSceneIn(t, startLabWithController(t))
	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled")
	before := controllerPID(s.lab)
	steal := func() {
		s.kubectl("patch", "lease", "aws-load-balancer-controller-leader", "--namespace=kube-system", "--type=merge", "--patch",
			fmt.Sprintf(`{"spec":{"holderIdentity":"somebody-else","leaseDurationSeconds":5,"renewTime":%q}}`, time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")))
	}
	keep := func(while func() bool) {
		for while() {
			steal()
			time.Sleep(200 * time.Millisecond)
		}
	}
	lost := time.Now()
	keep(func() bool { return time.Since(lost) < 3*time.Second }) // from two seconds on nothing is written
	s.apply(deployment)
	s.keepContainersWaiting(keep)
	s.eventually("three Pods are Ready, for the lease is free again", func() bool { return s.ready("app=web") == 3 })
	if now := controllerPID(s.lab); now != before {
		t.Errorf("process %d led before, and process %d after", before, now)
	}
}

// keepContainersWaiting looks at three Pods while nobody may open their gates.
func (s *scene) keepContainersWaiting(keep func(while func() bool)) {
	s.t.Helper()
	var since time.Time
	keep(func() bool {
		if s.ready("app=web") > 0 {
			s.t.Fatal("Pods are Ready while somebody else has the lease: who opened their gates?")
		}
		if since.IsZero() && s.containersReady("app=web") == 3 {
			since = time.Now()
		}
		return since.IsZero() || time.Since(since) < 2*time.Second
	})
}
