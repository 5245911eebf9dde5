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
	steal()
	lost := time.Now()
	s.apply(deployment)
	for time.Since(lost) < 4*time.Second { // from two seconds on nothing is written
		if time.Since(lost) > 3*time.Second && s.ready("app=web") > 0 {
			t.Fatal("Pods are Ready while somebody else has the lease: who opened their gates?")
		}
		time.Sleep(200 * time.Millisecond)
		steal()
	}
	s.eventually("three Pods are Ready, for the lease is free again", func() bool { return s.ready("app=web") == 3 })
	if now := controllerPID(s.lab); now != before {
		t.Errorf("process %d led before, and process %d after", before, now)
	}
}
