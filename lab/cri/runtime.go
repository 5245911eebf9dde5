// Package cri is a container runtime without containers: the kubelet's runtime and image services
// as plain Go values, in which each container is a program.Process and each Pod an address.
//
// In come the calls of one kubelet; out go container states, log files and listening sockets. The
// kubelet decides when: probes, restarts, preStop and grace periods are all its own. A SIGTERM is
// Terminate, the end of the grace period is Kill.
//
//	runtime := cri.New(cri.Config{Node: "node-1", Address: addr, Pods: prefix, RoleOf: roleOf})
//
// There is nothing to pull and nothing is isolated: every image is there, whatever its name.
package cri

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-streaming/pkg/streaming"

	"github.com/sluice-lb/sluice/lab/address"
	"github.com/sluice-lb/sluice/lab/program"
)

// Config is what a runtime must know of its node.
type Config struct {
	Node    string
	Address netip.Addr   // of the node; Pods of the host network share it
	Pods    netip.Prefix // addresses for all others
	Host    program.Host // for images that are real programs
	// RoleOf says what a container is there for; the runtime's own interface does not tell.
	// Nil: all are services.
	RoleOf func(ctx context.Context, namespace, pod, container string) program.Role
}

// Runtime serves one kubelet.
type Runtime struct {
	config    Config
	addresses *address.Pool
	streams   streaming.Server

	mu         sync.Mutex
	serial     uint64
	dead       bool // without power
	sandboxes  map[string]*sandbox
	containers map[string]*container
	images     map[string]*runtimeapi.Image
}

// New makes a runtime and starts its streaming server (exec, port-forward) on the node's address.
func New(config Config) (*Runtime, error) {
	if config.RoleOf == nil {
		config.RoleOf = func(context.Context, string, string, string) program.Role { return program.Service }
	}
	r := &Runtime{
		config:     config,
		addresses:  address.NewPool(config.Pods),
		sandboxes:  map[string]*sandbox{},
		containers: map[string]*container{},
		images:     map[string]*runtimeapi.Image{},
	}
	return r, r.startStreaming()
}

// id needs r.mu.
func (r *Runtime) id(kind string) string {
	r.serial++
	return fmt.Sprintf("%s-%s-%d-%x", kind, r.config.Node, r.serial, time.Now().UnixNano())
}

// Version implements the runtime service.
func (r *Runtime) Version(context.Context, string) (*runtimeapi.VersionResponse, error) {
	return &runtimeapi.VersionResponse{Version: "0.1.0", RuntimeName: "sluice-lab", RuntimeVersion: "1.0.0", RuntimeApiVersion: "v1"}, nil
}

// Status implements the runtime service.
func (r *Runtime) Status(context.Context, bool) (*runtimeapi.StatusResponse, error) {
	return &runtimeapi.StatusResponse{Status: &runtimeapi.RuntimeStatus{Conditions: []*runtimeapi.RuntimeCondition{
		{Type: runtimeapi.RuntimeReady, Status: true},
		{Type: runtimeapi.NetworkReady, Status: true},
	}}}, nil
}

// UpdateRuntimeConfig implements the runtime service.
func (r *Runtime) UpdateRuntimeConfig(context.Context, *runtimeapi.RuntimeConfig) error { return nil }

// RuntimeConfig implements the runtime service.
func (r *Runtime) RuntimeConfig(context.Context) (*runtimeapi.RuntimeConfigResponse, error) {
	return &runtimeapi.RuntimeConfigResponse{Linux: &runtimeapi.LinuxRuntimeConfiguration{CgroupDriver: runtimeapi.CgroupDriver_CGROUPFS}}, nil
}

// Close implements the runtime service.
func (r *Runtime) Close(context.Context) error { return nil }

func hasLabels(have, want map[string]string) bool {
	for name, value := range want {
		if have[name] != value {
			return false
		}
	}
	return true
}
