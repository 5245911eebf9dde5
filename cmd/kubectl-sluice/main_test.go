package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		out  string // what stdout begins with
		err  string // what the error holds
	}{
		{name: "nothing", out: "kubectl sluice says"},
		{name: "help", args: []string{"--help"}, out: "kubectl sluice says"},
		{name: "version", args: []string{"version"}, out: "kubectl-sluice "},
		{name: "unknown_command", args: []string{"wy"}, err: "no such command: wy"},
		{name: "unknown_flag", args: []string{"why", "pod/x", "--colour"}, err: "unknown flag: --colour"},
		{name: "why_nothing", args: []string{"why"}, err: "why what?"},
		{name: "why_a_service", args: []string{"why", "service/x"}, err: "why what?"},
		{name: "release_nowhere", args: []string{"release"}, err: "release where?"},
		{name: "release_twice", args: []string{"release", "-A", "-n", "x"}, err: "release where?"},
		{name: "plan_nothing", args: []string{"plan"}, err: "plan what?"},
		{name: "plan_in_xml", args: []string{"plan", "--all", "-o", "xml"}, err: "--output=xml"},
		{name: "plan_no_file", args: []string{"plan", "-f", "/does/not/exist.yaml"}, err: "/does/not/exist.yaml"},
		{name: "no_kubeconfig", args: []string{"why", "pod", "x", "--kubeconfig", "/does/not/exist"}, err: "kubeconfig"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out strings.Builder
			err := run(t.Context(), tc.args, strings.NewReader(""), &out)
			if !strings.HasPrefix(out.String(), tc.out) {
				t.Errorf("want %q, got %q", tc.out, out.String())
			}
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("want an error with %q, got %v", tc.err, err)
			}
		})
	}
}
