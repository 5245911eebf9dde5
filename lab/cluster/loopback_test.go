package cluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func TestOnlyTheComplaintAboutLoopbackIsDropped(t *testing.T) {
	t.Parallel()
	loopback := field.Invalid(field.NewPath("endpoints"), "127.70.1.1", "may not be in the loopback range (127.0.0.0/8, ::1/128)")
	linkLocal := field.Invalid(field.NewPath("endpoints"), "169.254.0.1", "may not be in the link-local range (169.254.0.0/16, fe80::/10)")
	got := withoutLoopback(field.ErrorList{loopback, linkLocal})
	if diff := cmp.Diff(field.ErrorList{linkLocal}, got); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}
