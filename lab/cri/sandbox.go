package cri

import (
	"context"
	"net/netip"
	"os"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// sandbox is a Pod as the runtime sees it: an address and a name.
type sandbox struct {
	id      string
	config  *runtimeapi.PodSandboxConfig
	handler string
	state   runtimeapi.PodSandboxState
	created int64
	address netip.Addr
	own     bool // the address is the Pod's and not the node's
}

func (s *sandbox) onHostNetwork() bool {
	return s.config.GetLinux().GetSecurityContext().GetNamespaceOptions().GetNetwork() == runtimeapi.NamespaceMode_NODE
}

// RunPodSandbox implements the runtime service.
func (r *Runtime) RunPodSandbox(_ context.Context, config *runtimeapi.PodSandboxConfig, handler string) (string, error) {
	box := &sandbox{config: config, handler: handler, state: runtimeapi.PodSandboxState_SANDBOX_READY, created: time.Now().UnixNano(), address: r.config.Address}
	if !box.onHostNetwork() {
		addr, err := r.addresses.Take()
		if err != nil {
			return "", err
		}
		box.address, box.own = addr, true
	}
	if config.LogDirectory != "" {
		if err := os.MkdirAll(config.LogDirectory, 0o755); err != nil {
			return "", err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	box.id = r.id("pod")
	r.sandboxes[box.id] = box
	return box.id, nil
}

// StopPodSandbox implements the runtime service. Stopping twice, or what is not there, is fine.
func (r *Runtime) StopPodSandbox(_ context.Context, id string) error {
	r.mu.Lock()
	box := r.sandboxes[id]
	if box == nil {
		r.mu.Unlock()
		return nil
	}
	box.state = runtimeapi.PodSandboxState_SANDBOX_NOTREADY
	inside := r.inside(box)
	own := box.own
	box.own = false
	r.mu.Unlock()

	for _, c := range inside {
		c.kill()
	}
	if own { // only now: another Pod must not meet our listeners
		r.addresses.Return(box.address)
	}
	return nil
}

// inside needs r.mu.
func (r *Runtime) inside(box *sandbox) []*container {
	var inside []*container
	for _, c := range r.containers {
		if c.sandbox == box {
			inside = append(inside, c)
		}
	}
	return inside
}

// RemovePodSandbox implements the runtime service.
func (r *Runtime) RemovePodSandbox(ctx context.Context, id string) error {
	if err := r.StopPodSandbox(ctx, id); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.inside(r.sandboxes[id]) {
		delete(r.containers, c.id)
	}
	delete(r.sandboxes, id)
	return nil
}

func (r *Runtime) findSandbox(id string) (*sandbox, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if box := r.sandboxes[id]; box != nil {
		return box, nil
	}
	return nil, status.Errorf(codes.NotFound, "Pod sandbox %s is not there", id)
}

// PodSandboxStatus implements the runtime service. The namespace options go back as they came:
// the kubelet compares them and makes the Pod anew when they differ.
func (r *Runtime) PodSandboxStatus(_ context.Context, id string, _ bool) (*runtimeapi.PodSandboxStatusResponse, error) {
	box, err := r.findSandbox(id)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return &runtimeapi.PodSandboxStatusResponse{Status: &runtimeapi.PodSandboxStatus{
		Id: box.id, Metadata: box.config.Metadata, State: box.state, CreatedAt: box.created,
		Network: &runtimeapi.PodSandboxNetworkStatus{Ip: box.address.String()},
		Linux: &runtimeapi.LinuxPodSandboxStatus{Namespaces: &runtimeapi.Namespace{
			Options: box.config.GetLinux().GetSecurityContext().GetNamespaceOptions(),
		}},
		Labels: box.config.Labels, Annotations: box.config.Annotations, RuntimeHandler: box.handler,
	}}, nil
}

// ListPodSandbox implements the runtime service; the newest comes first, as the kubelet expects.
func (r *Runtime) ListPodSandbox(_ context.Context, filter *runtimeapi.PodSandboxFilter) ([]*runtimeapi.PodSandbox, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*runtimeapi.PodSandbox
	for _, box := range r.sandboxes {
		if !box.matches(filter) {
			continue
		}
		list = append(list, &runtimeapi.PodSandbox{
			Id: box.id, Metadata: box.config.Metadata, State: box.state, CreatedAt: box.created,
			Labels: box.config.Labels, Annotations: box.config.Annotations, RuntimeHandler: box.handler,
		})
	}
	slices.SortFunc(list, func(a, b *runtimeapi.PodSandbox) int { return int(b.CreatedAt - a.CreatedAt) })
	return list, nil
}

func (s *sandbox) matches(filter *runtimeapi.PodSandboxFilter) bool {
	return filter == nil ||
		(filter.Id == "" || filter.Id == s.id) &&
			(filter.State == nil || filter.State.State == s.state) &&
			hasLabels(s.config.Labels, filter.LabelSelector)
}

// UpdatePodSandboxResources implements the runtime service; there are no resources to set.
func (r *Runtime) UpdatePodSandboxResources(context.Context, *runtimeapi.UpdatePodSandboxResourcesRequest) (*runtimeapi.UpdatePodSandboxResourcesResponse, error) {
	return &runtimeapi.UpdatePodSandboxResourcesResponse{}, nil
}

// CheckpointPod implements the runtime service.
func (r *Runtime) CheckpointPod(context.Context, *runtimeapi.CheckpointPodRequest) error {
	return status.Error(codes.Unimplemented, "the lab has no checkpoints")
}

// RestorePod implements the runtime service.
func (r *Runtime) RestorePod(context.Context, *runtimeapi.RestorePodRequest) (*runtimeapi.RestorePodResponse, error) {
	return nil, status.Error(codes.Unimplemented, "the lab has no checkpoints")
}
