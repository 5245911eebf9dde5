package lab

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sluice-lb/sluice/internal/iam"
	"github.com/sluice-lb/sluice/lab/address"
)

// Not parallel: a process that another test starts holds the lock, too, until it has become its program.
func TestOccupyTakesADirectoryOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lab")
	dir, lock, err := occupy(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := occupy(path); err == nil || !strings.Contains(err.Error(), "is running in") {
		t.Errorf("a second time: %v", err)
	}
	if err := dir.write(dir.Ready(), "now"); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(path); err != nil {
		t.Errorf("finding a lab that is ready: %v", err)
	}
	lock.Close()
	if _, err := Find(path); err == nil || !strings.Contains(err.Error(), "no lab is running") {
		t.Errorf("finding what has ended without tidying up: %v", err)
	}
	_, lock, err = occupy(path)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if _, err := Find(path); err == nil || !strings.Contains(err.Error(), "still starting") {
		t.Errorf("finding what is starting: %v", err)
	}
}

func TestOccupyLeavesForeignFilesAlone(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "diary"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := occupy(path); err == nil || !strings.Contains(err.Error(), "diary") {
		t.Errorf("error: %v", err)
	}
}

func TestShortcut(t *testing.T) {
	t.Parallel()
	short, remove, err := shortcut("/tmp/lab/state")
	if err != nil || short != "/tmp/lab/state" || remove != "" {
		t.Errorf("a short path became %s, %q, %v", short, remove, err)
	}
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 120))
	if err := os.Mkdir(long, 0o755); err != nil {
		t.Fatal(err)
	}
	short, remove, err = shortcut(long)
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(remove)
	if same, err := filepath.EvalSymlinks(short); err != nil || same != long {
		t.Errorf("the shortcut leads to %s, %v", same, err)
	}
}

func TestSeedIsWhatTheClusterSays(t *testing.T) {
	t.Parallel()
	block := &address.Block{Prefix: netip.MustParsePrefix("127.70.0.0/16")}
	nodes, err := block.Nodes(4)
	if err != nil {
		t.Fatal(err)
	}
	s := seed(block, nodes)
	id := regexp.MustCompile(`^i-[0-9a-f]{17}$`)
	for i, instance := range s.Instances {
		if !id.MatchString(instance.ID) {
			t.Errorf("instance id %s", instance.ID)
		}
		if want := "aws:///" + s.Subnets[nodes[i].Zone].Zone + "/" + instance.ID; providerID(block, i, nodes[i].Zone) != want {
			t.Errorf("node %d is %s, want %s", i, providerID(block, i, nodes[i].Zone), want)
		}
		if subnet := netip.MustParsePrefix(s.Subnets[nodes[i].Zone].CIDR); instance.SubnetID != s.Subnets[nodes[i].Zone].ID || !subnet.Contains(nodes[i].Address) {
			t.Errorf("instance %d is in the wrong subnet", i)
		}
	}
	if len(s.Instances) != 4 || len(s.Subnets) != 3 || s.VPCs[0].CIDR != "127.70.0.0/16" {
		t.Errorf("seed %+v", s)
	}
}

func TestControllerScriptSurvivesOddPaths(t *testing.T) {
	t.Parallel()
	dir := Dir(filepath.Join(t.TempDir(), "it's a lab"))
	if err := os.MkdirAll(string(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := dir.write(dir.AWSEnv(), awsEnv("http://127.70.255.1:4566", "vpc-1")); err != nil {
		t.Fatal(err)
	}
	script := controllerScript(dir, []string{"sh", "-c", "printenv AWS_ENDPOINT_URL"}, nil)
	out, err := exec.CommandContext(t.Context(), "sh", "-c", script).CombinedOutput()
	if err != nil || string(out) != "http://127.70.255.1:4566\n" {
		t.Errorf("the script gave %q, %v", out, err)
	}
}

// A controller has the rights of its mode, whoever starts it.
func TestControllerScriptHasTheRightsOfTheMode(t *testing.T) {
	t.Parallel()
	dir := Dir(t.TempDir())
	if err := dir.write(dir.AWSEnv(), awsEnv("http://127.70.255.1:4566", "vpc-1")); err != nil {
		t.Fatal(err)
	}
	for flags, mode := range map[string]iam.Mode{"": iam.Full, "--mode=full": iam.Full, "--mode=gates-only": iam.GatesOnly, "--x=y --mode=observe": iam.Observe} {
		want := accessKeys[mode] + "\nvariable\n" + filepath.Base(dir.controllerKubeconfigOf(mode)) + "\n"
		command := []string{"sh", "-c", "printenv AWS_ACCESS_KEY_ID ONE_MORE; for last; do :; done; echo ${last##*/}", "sluice"}
		if err := os.WriteFile(dir.ControllerScript(), []byte(controllerScript(dir, command, []string{"ONE_MORE=variable"})), 0o700); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), dir.ControllerScript(), strings.Fields(flags)...).CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("with %q it runs with %q, %v; want %q", flags, out, err, want)
		}
		if got := modeOf(strings.Fields(flags)); got != mode {
			t.Errorf("%q is mode %s, want %s", flags, got, mode)
		}
	}
}

func TestChildEnvironmentHasNoRealCredentials(t *testing.T) {
	t.Setenv("AWS_SESSION_TOKEN", "real")
	t.Setenv("AWS_REGION", "eu-central-1")
	all := strings.Join(childEnvironment("http://127.70.255.1:4566", "AKIA"), "\n")
	if strings.Contains(all, "real") || strings.Contains(all, "eu-central-1") || !strings.Contains(all, "AWS_REGION=us-west-2") {
		t.Errorf("environment:\n%s", all)
	}
}
