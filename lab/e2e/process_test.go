package e2e

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sluice-lb/sluice/lab/spawn"
)

// controllerPID is the controller's process now, or 0.
func controllerPID(lab *spawn.Lab) int {
	text, err := os.ReadFile(lab.Dir.ControllerPID())
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}

// runController runs the controller of a lab that has none, until it is killed or the test ends.
func runController(t *testing.T, lab *spawn.Lab) (kill func()) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(lab.Dir.Logs(), "sluice.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(lab.Dir.ControllerScript())
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		if err := command.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = command.Wait() // it was killed
		log.Close()
	})
	t.Cleanup(kill)
	return kill
}

func lives(pid int) bool { return syscall.Kill(pid, 0) == nil }

func TestTwoLabsAtOnce(t *testing.T) {
	t.Parallel()
	first, second := newScene(t), newSceneIn(t, startLab(t, "--nodes=1", "--controller-binary="+idleControllerBinary(t)))
	for _, s := range []*scene{first, second} {
		s.apply(deployment)
	}
	for _, s := range []*scene{first, second} {
		s.eventually("three Pods are Ready", func() bool { return s.ready("app=web") == 3 })
	}
	addresses := map[string]bool{}
	for _, pod := range append(first.pods("app=web"), second.pods("app=web")...) {
		addresses[pod.Status.PodIP] = true
	}
	if len(addresses) != 6 {
		t.Errorf("six Pods have %d addresses", len(addresses))
	}
}

func TestControllerIsStartedAgain(t *testing.T) {
	t.Parallel()
	lab := startLab(t, "--nodes=1", "--controller-binary="+idleControllerBinary(t))
	before := controllerPID(lab)
	if !lives(before) {
		t.Fatalf("the controller, process %d, does not run in a lab that is ready", before)
	}
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another controller runs", func() bool {
		now := controllerPID(lab)
		return now != before && now != 0 && lives(now)
	})

	t.Log("and SIGTERM leaves no process")
	after := controllerPID(lab)
	if err := lab.Stop(); err != nil {
		t.Error(err)
	}
	for _, pid := range []int{lab.PID(), after} {
		if lives(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	if _, err := os.Stat(lab.Dir.Ready()); err == nil {
		t.Error("the file that says ready is left")
	}
}

func TestControllerDiesWithItsLab(t *testing.T) {
	t.Parallel()
	lab := startLab(t, "--nodes=1", "--controller-binary="+idleControllerBinary(t))
	controller := controllerPID(lab)
	if err := syscall.Kill(lab.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the controller is gone", func() bool { return !lives(controller) })
	if _, err := run(t, "kubectl", "--dir", string(lab.Dir), "get", "pods"); err == nil || !strings.Contains(err.Error(), "no lab is running in") {
		t.Errorf("kubectl after that: %v", err)
	}
}

func TestDirectoryIsTaken(t *testing.T) {
	t.Parallel()
	dir := string(theLab(t).Dir)
	if _, err := run(t, "up", "--controller=false", "--dir", dir); err == nil || !strings.Contains(err.Error(), "a lab is running in") {
		t.Errorf("a second start: %v", err)
	}
}

func TestForeignDirectoryIsLeftAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/diary.txt", []byte("dear diary"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, "up", "--controller=false", "--dir", dir); err == nil || !strings.Contains(err.Error(), "diary.txt, which is not a lab's") {
		t.Errorf("start: %v", err)
	}
}

func TestAWSAnswersAtItsOwnAddress(t *testing.T) {
	t.Parallel()
	lab := theLab(t)
	endpoint, err := lab.Dir.AWSEndpoint()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialTimeout("tcp", parsed.Host, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	env, err := os.ReadFile(lab.Dir.AWSEnv())
	if err != nil || !strings.Contains(string(env), "export AWS_ENDPOINT_URL="+endpoint) {
		t.Errorf("aws.env: %v\n%s", err, env)
	}
}

// While its caches are being filled, be it because it may not read, the controller ends when it is told to.
func TestControllerEndsWhileItWaitsForItsCaches(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	probes := freeAddress(t)
	command := exec.Command("sh", s.lab.Dir.ControllerScript(), "--mode=observe", "--kubeconfig="+s.kubeconfigOf("default"), "--metrics-bind-addr=0", "--health-probe-bind-addr="+probes)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	s.eventually("it runs", func() bool {
		response, err := http.Get("http://" + probes + "/healthz")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(within):
		t.Errorf("%s after SIGTERM it still runs", within)
		if err := command.Process.Kill(); err != nil {
			t.Error(err)
		}
	}
}
