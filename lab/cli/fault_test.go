package cli

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/localaws/fault"
)

func TestPrintFaults(t *testing.T) {
	t.Parallel()
	rules := []fault.Rule{
		{ID: "fault-1", Service: "elbv2", Operation: "Describe*", Stale: 5 * time.Second, Met: 3},
		{ID: "fault-2", Code: "ThrottlingException", Probability: 0.5},
	}
	for format, want := range map[string]string{
		"json": `[{"id":"fault-1","service":"elbv2","operation":"Describe*","stale":"5s","met":3},` +
			`{"id":"fault-2","code":"ThrottlingException","probability":0.5,"met":0}]` + "\n",
		"text": "ID       SERVICE  OPERATION  FAULT                     PROBABILITY  UNTIL  MET\n" +
			"fault-1  elbv2    Describe*  stale 5s                  1            -      3\n" +
			"fault-2  *        *          code ThrottlingException  0.5          -      0\n",
	} {
		var out bytes.Buffer
		if err := printFaults(&out, format, rules); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
}

func TestCallsShowTheirFaults(t *testing.T) {
	t.Parallel()
	calls := []localaws.Call{
		{Service: "elbv2", Operation: "CreateRule", Result: "ok", Count: 2},
		{Service: "elbv2", Operation: "CreateRule", Result: "ok", Fault: "lost-answer", Count: 1},
	}
	var out bytes.Buffer
	if err := printCalls(&out, "text", calls); err != nil {
		t.Fatal(err)
	}
	want := "SERVICE  OPERATION   RESULT                   COUNT\n" +
		"elbv2    CreateRule  ok                       2\n" +
		"elbv2    CreateRule  ok (fault: lost-answer)  1\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
