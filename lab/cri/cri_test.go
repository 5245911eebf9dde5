package cri

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func newRuntime(t *testing.T) *Runtime {
	t.Helper()
	runtime, err := New(Config{Node: "node-1", Address: netip.MustParseAddr("127.0.0.1"), Pods: netip.MustParsePrefix("127.0.1.0/24")})
	if err != nil {
		t.Fatal(err)
	}
	return runtime
}

func startContainer(t *testing.T, runtime *Runtime, config *runtimeapi.ContainerConfig) (sandboxID, containerID string) {
	t.Helper()
	pod := &runtimeapi.PodSandboxConfig{Metadata: &runtimeapi.PodSandboxMetadata{Name: "web", Namespace: "shop"}, LogDirectory: t.TempDir()}
	sandboxID, err := runtime.RunPodSandbox(t.Context(), pod, "")
	if err != nil {
		t.Fatal(err)
	}
	containerID, err = runtime.CreateContainer(t.Context(), sandboxID, config, pod)
	if err != nil {
		t.Fatal(err)
	}
	if err := runtime.StartContainer(t.Context(), containerID); err != nil {
		t.Fatal(err)
	}
	return sandboxID, containerID
}

func stateOf(t *testing.T, runtime *Runtime, id string) *runtimeapi.ContainerStatus {
	t.Helper()
	response, err := runtime.ContainerStatus(t.Context(), id, false)
	if err != nil {
		t.Fatal(err)
	}
	return response.Status
}

func TestStopLetsAProcessEndWithinItsGrace(t *testing.T) {
	t.Parallel()
	runtime := newRuntime(t)
	_, id := startContainer(t, runtime, &runtimeapi.ContainerConfig{Metadata: &runtimeapi.ContainerMetadata{Name: "c"}, Image: &runtimeapi.ImageSpec{Image: "worker"}})
	if err := runtime.StopContainer(t.Context(), id, 30); err != nil {
		t.Fatal(err)
	}
	if got := stateOf(t, runtime, id); got.State != exited || got.ExitCode != 0 || got.Reason != "Completed" {
		t.Errorf("ended as %v, code %d, %s", got.State, got.ExitCode, got.Reason)
	}
}

func TestStopKillsAfterTheGrace(t *testing.T) {
	t.Parallel()
	runtime := newRuntime(t)
	_, id := startContainer(t, runtime, &runtimeapi.ContainerConfig{
		Metadata: &runtimeapi.ContainerMetadata{Name: "c"}, Image: &runtimeapi.ImageSpec{Image: "sluice.lab/web"},
		Envs:        []*runtimeapi.KeyValue{{Key: "ON_SIGTERM", Value: []byte("serve:1h")}},
		Annotations: map[string]string{portsAnnotation: `[{"containerPort":18080}]`},
	})
	if err := runtime.StopContainer(t.Context(), id, 1); err != nil {
		t.Fatal(err)
	}
	if got := stateOf(t, runtime, id); got.ExitCode != 137 {
		t.Errorf("ended with code %d", got.ExitCode)
	}
}

func TestStoppedPodGivesItsAddressBackOnce(t *testing.T) {
	t.Parallel()
	runtime := newRuntime(t)
	first, _ := startContainer(t, runtime, &runtimeapi.ContainerConfig{Metadata: &runtimeapi.ContainerMetadata{Name: "c"}})
	for range 2 { // the kubelet stops more than once
		if err := runtime.StopPodSandbox(t.Context(), first); err != nil {
			t.Fatal(err)
		}
	}
	if err := runtime.RemovePodSandbox(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	second, _ := startContainer(t, runtime, &runtimeapi.ContainerConfig{Metadata: &runtimeapi.ContainerMetadata{Name: "c"}})
	box, err := runtime.PodSandboxStatus(t.Context(), second, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := box.Status.Network.Ip; got != "127.0.1.2" {
		t.Errorf("the next Pod has %s", got)
	}
}

func TestPortsOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		annotation string
		want       []int
	}{
		"none":     {"", nil},
		"unread":   {"{", nil},
		"tcp-only": {`[{"containerPort":80},{"containerPort":53,"protocol":"UDP"},{"containerPort":81,"protocol":"TCP"}]`, []int{80, 81}},
		"once":     {`[{"name":"a","containerPort":80},{"name":"b","containerPort":80}]`, []int{80}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := portsOf(&runtimeapi.ContainerConfig{Annotations: map[string]string{portsAnnotation: c.annotation}})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("ports (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOutputIsInTheKubeletsFormat(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c", "0.log")
	out, err := newOutput(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Write([]byte("one\ntwo\n")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		_, rest, _ := strings.Cut(line, " ")
		lines = append(lines, rest)
	}
	if diff := cmp.Diff([]string{"stdout F one\n", "stdout F two\n"}, lines); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}
