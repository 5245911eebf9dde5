package e2e

import (
	"os"
	"os/exec"
	"testing"
)

// The cases and what runs them belong to config/. The lab has no controller: it would write its own
// gate sets over those of the cases.
func TestAdmissionPolicies(t *testing.T) {
	t.Parallel()
	lab := startLab(t, "--nodes=1", "--controller=false")
	command := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-run", "^TestAdmission$", "github.com/sluice-lb/sluice/config")
	command.Env = append(os.Environ(), "KUBECONFIG_ADMISSION="+lab.Dir.Kubeconfig())
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("the cases of config/testdata/admission: %v\n%s", err, out)
	}
}
