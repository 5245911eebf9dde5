// Package e2e asks a whole lab at the far end: manifests in, HTTP answers, conditions and processes
// out. Nothing in it knows how a lab is made.
//
// Tests share one lab, which the first of them starts, and have a namespace each:
//
//	func TestSomething(t *testing.T) {
//		t.Parallel()
//		s := newScene(t)
//		s.apply(`…`)
//		s.eventually("the Pod is Ready", func() bool { return s.isReady("web") })
//	}
//
// Tests that end or disturb a lab start one of their own with startLab. The test binary is also
// the command sluice-lab, and a controller that does nothing; see TestMain.
package e2e

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-lb/sluice/lab/cli"
	"github.com/sluice-lb/sluice/lab/spawn"
)

// asCommand and asController tell the test binary to be something else.
const (
	asCommand    = "SLUICE_LAB_E2E_COMMAND=1"
	asController = "SLUICE_LAB_E2E_CONTROLLER=1"
)

func TestMain(m *testing.M) {
	switch {
	case slices.Contains(os.Environ(), asController):
		idleController()
	case slices.Contains(os.Environ(), asCommand):
		os.Exit(cli.Main(os.Args[1:]))
	}
	flag.Parse()
	if flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		// These tests wait for others; they do not compute.
		if err := flag.Set("test.parallel", "8"); err != nil {
			panic("the flag is the testing package's own: " + err.Error())
		}
	}
	code := m.Run()
	if shared.lab != nil {
		err := shared.lab.Stop()
		if err = errors.Join(err, used.add(shared.lab.Dir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.RemoveAll(shared.dir)
	os.Exit(max(code, judgeRights(code == 0)))
}

var shared struct {
	once sync.Once
	dir  string
	lab  *spawn.Lab
	err  error
}

// theController builds the controller of this tree, once.
var theController = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sluice-e2e-")
	if err != nil {
		return "", err
	}
	shared.dir = dir
	binary := filepath.Join(dir, "sluice")
	out, err := exec.Command("go", "build", "-o", binary, "github.com/sluice-lb/sluice/cmd/sluice").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the controller: %w\n%s", err, out)
	}
	return binary, nil
})

// theLab is the one that tests share. It runs the controller of this tree.
func theLab(t *testing.T) *spawn.Lab {
	t.Helper()
	shared.once.Do(func() {
		var flags []string
		if flags, shared.err = withController(); shared.err != nil {
			return
		}
		shared.lab, shared.err = spawn.Start(t.Context(), spawn.Config{
			Dir: filepath.Join(shared.dir, "lab"), Flags: flags, Env: []string{asCommand}, Progress: os.Stderr,
		})
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.lab
}

// withController are flags of a lab that runs the controller of this tree. There is nobody else in
// the lab's account, so the controller may have all of AWS's rates: a tenth of a load balancer a
// second, which is half of them, would be most of what the tests wait for.
func withController() ([]string, error) {
	binary, err := theController()
	return []string{"--controller-binary=" + binary, "--controller-flag=--aws-budget-share=1"}, err
}

// startLabWithController is a lab of the test's own with the controller of this tree.
func startLabWithController(t *testing.T) *spawn.Lab {
	t.Helper()
	flags, err := withController()
	if err != nil {
		t.Fatal(err)
	}
	return startLab(t, flags...)
}

// startLab starts a lab of the test's own, which ends with it at the latest.
func startLab(t *testing.T, flags ...string) *spawn.Lab {
	t.Helper()
	lab, err := spawn.Start(t.Context(), spawn.Config{Dir: filepath.Join(t.TempDir(), "lab"), Flags: flags, Env: []string{asCommand}, Progress: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(lab.Stop(), used.addFrom(lab.Dir, flags)); err != nil {
			t.Error(err)
		}
	})
	return lab
}

// run runs sluice-lab and returns what it wrote to stdout and, after an error, to stderr.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), self, args...)
	command.Env = append(os.Environ(), asCommand)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.String(), fmt.Errorf("sluice-lab %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

// idleController answers that it is ready, and nothing else.
func idleController() {
	var address string
	for _, arg := range os.Args {
		if value, found := strings.CutPrefix(arg, "--health-probe-bind-addr="); found {
			address = value
		}
	}
	http.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	fmt.Fprintln(os.Stderr, http.ListenAndServe(address, nil))
	os.Exit(1)
}

// idleControllerBinary is a program to give to --controller-binary.
func idleControllerBinary(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "controller")
	script := fmt.Sprintf("#!/bin/sh\nexec env %s '%s' \"$@\"\n", asController, self)
	if err := os.WriteFile(file, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// within is how long a test waits for what must happen.
const within = 90 * time.Second

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("after %s it is not so that %s", within, what)
}
