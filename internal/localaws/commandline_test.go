package localaws_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCommandLine asks with the aws command line, where there is one.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	command, err := exec.LookPath("aws")
	if err != nil || testing.Short() || exec.CommandContext(t.Context(), command, "--version").Run() != nil {
		t.Skip("no aws command line that works, or no time for it")
	}
	c := start(t, nil)
	c.loadBalancer("web")
	for _, tt := range []struct{ arguments, want string }{
		{"elbv2 describe-load-balancers --query LoadBalancers[].LoadBalancerName", "web"},
		{"ec2 describe-subnets --filters Name=vpc-id,Values=vpc-2 --query Subnets[].SubnetId", "subnet-far"},
	} {
		run := exec.CommandContext(t.Context(), command, append(strings.Fields(tt.arguments), "--endpoint-url", c.URL(), "--output", "text")...)
		run.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret", "AWS_REGION=us-west-2", "AWS_DEFAULT_REGION=us-west-2", "AWS_PAGER=")
		out, err := run.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %s: %s", tt.arguments, err, out)
		}
		if diff := cmp.Diff(tt.want, strings.TrimSpace(string(out))); diff != "" {
			t.Error(diff)
		}
	}
}
