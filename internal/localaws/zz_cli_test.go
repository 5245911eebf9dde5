package localaws_test

import (
	"os"
	"os/exec"
	"testing"
)

func TestZZCLI(t *testing.T) {
	script := os.Getenv("CLI_SCRIPT")
	if script == "" {
		t.Skip()
	}
	c := start(t, nil)
	cmd := exec.Command("bash", script)
	cmd.Env = append(os.Environ(), "URL="+c.URL(), "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=y", "AWS_DEFAULT_REGION=us-west-2", "AWS_PAGER=")
	out, err := cmd.CombinedOutput()
	t.Logf("%s %v", out, err)
}
