package program

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// inPlaceOfSluice is a Pod whose controller is a script.
func inPlaceOfSluice(t *testing.T, script string, args ...string) (*Process, *log) {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "sluice")
	if err := os.WriteFile(binary, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	output := &log{}
	return &Process{
		Image: "registry.example.com/sluice:0.1.0", Address: netip.MustParseAddr("127.64.32.1"), Namespace: "kube-system", Args: args, Output: output,
		Env:    map[string]string{"SAID_BY_THE_POD": "yes"},
		Mounts: []Mount{{Path: accountPath, HostPath: dir}},
		Host: Host{Sluice: binary, APIServer: "https://127.64.0.1:6443", Env: func([]string) []string {
			return []string{"SAID_BY_THE_NODE=yes", "PATH=" + os.Getenv("PATH")}
		}},
	}, output
}

// log is what a container has written, a line an element.
type log struct{ lines []string }

func (l *log) Write(line []byte) (int, error) {
	l.lines = append(l.lines, strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}

func TestSluiceListensAtThePodsAddress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ args, want []string }{
		"controller": {
			[]string{"--mode=full", "--metrics-bind-addr=:9090"},
			[]string{"--mode=full", "--metrics-bind-addr=:9090", "--health-probe-bind-addr=127.64.32.1:61779", "--kubeconfig=", "--metrics-bind-addr=127.64.32.1:9090"},
		},
		"without-metrics": {
			[]string{"--metrics-bind-addr=0"},
			[]string{"--metrics-bind-addr=0", "--health-probe-bind-addr=127.64.32.1:61779", "--kubeconfig="},
		},
		"webhook": {
			[]string{"webhook"},
			[]string{"webhook", "--health-probe-bind-addr=127.64.32.1:61779", "--kubeconfig=", "--metrics-bind-addr=127.64.32.1:8080", "--webhook-bind-host=127.64.32.1"},
		},
		"retire": {[]string{"retire", "--timeout=5m"}, []string{"retire", "--timeout=5m", "--kubeconfig="}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			process, output := inPlaceOfSluice(t, "for arg; do echo \"$arg\"; done\n", c.args...)
			if exit := process.Run(); exit != completed {
				t.Errorf("it ended with %+v", exit)
			}
			for i, line := range output.lines {
				if strings.HasPrefix(line, "--kubeconfig=") {
					output.lines[i] = "--kubeconfig="
				}
			}
			if diff := cmp.Diff(c.want, output.lines); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSluiceIsItsPodsServiceAccount(t *testing.T) {
	t.Parallel()
	process, output := inPlaceOfSluice(t, "echo $SAID_BY_THE_NODE $SAID_BY_THE_POD\nfor arg; do grep -so 'tokenFile:.*/token\\|server:.*\\|namespace:.*' ${arg#--kubeconfig=}; done\n")
	process.Run()
	text := strings.Join(output.lines, "\n")
	for _, want := range []string{"yes yes", "server: https://127.64.0.1:6443", "tokenFile: " + process.Mounts[0].HostPath + "/token", "namespace: kube-system"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in:\n%s", want, text)
		}
	}
	process, output = inPlaceOfSluice(t, "")
	process.Mounts = nil
	if exit := process.Run(); exit.Code != 1 || !strings.Contains(strings.Join(output.lines, "\n"), "automountServiceAccountToken") {
		t.Errorf("without a token it ended with %+v, log %q", exit, output.lines)
	}
}

func TestSluiceGetsTheSignalsOfAContainer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script string
		stop   func(*Process)
		want   Exit
	}{
		"ends-by-itself":  {"echo up; exit 3\n", func(*Process) {}, Exit{Code: 3, Reason: "Error"}},
		"obeys-sigterm":   {"trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done\n", (*Process).Terminate, completed},
		"dies-of-sigterm": {"echo up; exec sleep 60\n", (*Process).Terminate, Exit{Code: 143, Reason: "Error"}},
		"killed":          {"trap '' TERM; echo up; exec sleep 60\n", (*Process).Kill, Exit{Code: 137, Reason: "Error"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			process, _ := inPlaceOfSluice(t, c.script)
			up := make(signal, 10)
			process.Output = up
			ended := make(chan Exit, 1)
			go func() { ended <- process.Run() }()
			<-up
			c.stop(process)
			select {
			case got := <-ended:
				if got != c.want {
					t.Errorf("it ended with %+v, want %+v", got, c.want)
				}
			case <-time.After(20 * time.Second):
				t.Error("it does not end")
			}
		})
	}
}

// signal is written to when the program is up.
type signal chan string

func (s signal) Write(line []byte) (int, error) {
	s <- string(line)
	return len(line), nil
}
