package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// A Lease that goes on being renewed in another namespace keeps us from starting; one
// that was left behind, released, or is our own does not.
func TestStandAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		namespace, holder string
		age               time.Duration
		renewed           bool
		refuses           bool
	}{
		"none-else":               {namespace: "kube-system", holder: "sluice", refuses: false},
		"alive-elsewhere":         {namespace: "lbc", holder: "pod-1", renewed: true, refuses: true},
		"left-behind-just-now":    {namespace: "lbc", holder: "pod-1", refuses: false},
		"left-behind-long-ago":    {namespace: "lbc", holder: "pod-1", age: time.Hour, refuses: false},
		"released-on-its-way-out": {namespace: "lbc", holder: "", refuses: false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				lease := &coordinationv1.Lease{
					ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "lock"},
					Spec: coordinationv1.LeaseSpec{
						HolderIdentity: new(c.holder), LeaseDurationSeconds: new(int32(15)), RenewTime: new(metav1.NewMicroTime(time.Now().Add(-c.age))),
					},
				}
				client := fake.NewClientset(lease)
				if c.renewed {
					go func() {
						time.Sleep(10 * time.Second)
						renewed := lease.DeepCopy()
						renewed.Spec.RenewTime = new(metav1.NewMicroTime(time.Now()))
						if _, err := client.CoordinationV1().Leases(c.namespace).Update(t.Context(), renewed, metav1.UpdateOptions{}); err != nil {
							t.Error(err)
						}
					}()
				}
				err := standAlone(t.Context(), client, "lock", "kube-system")
				if refused := err != nil && strings.Contains(err.Error(), "another controller holds the Lease lbc/lock"); refused != c.refuses {
					t.Errorf("refused: %v (%v), want %v", refused, err, c.refuses)
				}
			})
		})
	}
}
