package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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

// TestFaultCommands runs the commands against a local AWS in a directory that looks like a running lab's.
func TestFaultCommands(t *testing.T) {
	t.Parallel()
	cloud, err := localaws.Start(t.Context(), localaws.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	dir := runningLab(t, cloud.URL())
	run := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		root := New()
		root.SetOut(&out)
		root.SetArgs(append(append([]string{"aws", "fault"}, args...), "--dir", dir))
		if err := root.ExecuteContext(t.Context()); err != nil {
			out.WriteString("error: " + err.Error())
		}
		return strings.TrimSpace(out.String())
	}
	got := []string{
		run("add", "--service", "elbv2", "--operation", "Describe*", "--stale", "5s"),
		run("add", "--operation", "CreateLoadBalancer", "--lose-answer", "--count", "1"),
		run("add", "--status", "700"),
		run("list", "-o", "json"),
		run("clear"),
		run("list", "-o", "json"),
	}
	want := []string{
		"fault-1", "fault-2", "error: adding a fault: status 700: it must be from 400 to 599",
		`[{"id":"fault-1","service":"elbv2","operation":"Describe*","stale":"5s","probability":1,"met":0},` +
			`{"id":"fault-2","operation":"CreateLoadBalancer","loseAnswer":true,"probability":1,"count":1,"met":0}]`,
		"2 faults ended", "[]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	if out := run("add", "--status", "500", "--delay", "1s"); !strings.Contains(out, "none of the others can be") {
		t.Errorf("two faults in one were answered with %q", out)
	}
}

// runningLab is a directory with what a running lab has: a lock that is held, the mark that it is ready, its AWS.
func runningLab(t *testing.T, endpoint string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"lock": "", "ready": "", "aws.endpoint": endpoint} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lock.Close() })
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return dir
}
