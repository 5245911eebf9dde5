package controller

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Two conditions with one reason are one series, a switch is no error, and what is gone has none.
func TestTroublesGoWithTheirObject(t *testing.T) {
	t.Parallel()
	trouble := newTroubles("sluice_stack_error", "Help.", "stack")
	trouble.set("shop/web", failures([]metav1.Condition{
		{Type: "Accepted", Status: metav1.ConditionFalse, Reason: "NoCertificate"},
		{Type: "Programmed", Status: metav1.ConditionFalse, Reason: "NoCertificate"},
	})...)
	trouble.set("shop/cart", failures([]metav1.Condition{
		{Type: "Accepted", Status: metav1.ConditionTrue, Reason: "Accepted"},
		{Type: "Programmed", Status: metav1.ConditionFalse, Reason: reasonSwitching},
	})...)
	trouble.set("shop/gone", "denied")
	trouble.set("shop/gone")
	const want = `
# HELP sluice_stack_error Help.
# TYPE sluice_stack_error gauge
sluice_stack_error{reason="NoCertificate",stack="shop/web"} 1
`
	if err := testutil.CollectAndCompare(trouble, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}
