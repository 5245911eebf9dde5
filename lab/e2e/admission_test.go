package e2e

import (
	"os"
	"os/exec"
	"testing"

	"github.com/sluice-lb/sluice/lab/spawn"
)

// The cases and what runs them belong to config/. The lab has no controller: it would write its own
// gate sets over those of the cases.
func TestAdmissionPolicies(t *testing.T) {
	t.Parallel()
	expectAdmission(t, startLab(t, "--nodes=1", "--controller=false"), "policies")
}

// expectAdmission runs the cases; "policies", "webhook" or "both" injects.
func expectAdmission(t *testing.T, lab *spawn.Lab, by string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-run", "^TestAdmission$", "github.com/sluice-lb/sluice/config")
	command.Env = append(os.Environ(), "KUBECONFIG_ADMISSION="+lab.Dir.Kubeconfig(), "ADMISSION_BY="+by)
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("the cases of config/testdata/admission, injected by %s: %v\n%s", by, err, out)
	}
}
