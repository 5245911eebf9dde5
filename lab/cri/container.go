package cri

import (
	"cmp"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/sluice-lb/sluice/lab/program"
)

// portsAnnotation is where the kubelet tells a runtime the container's ports, as JSON
// (pkg/kubelet/kuberuntime/labels.go, containerPortsLabel).
const portsAnnotation = "io.kubernetes.container.ports"

const (
	created = runtimeapi.ContainerState_CONTAINER_CREATED
	running = runtimeapi.ContainerState_CONTAINER_RUNNING
	exited  = runtimeapi.ContainerState_CONTAINER_EXITED
)

type container struct {
	id      string
	sandbox *sandbox
	config  *runtimeapi.ContainerConfig
	image   string
	logPath string
	created int64
	done    chan struct{}

	mu       sync.Mutex
	state    runtimeapi.ContainerState
	process  *program.Process // nil until started
	started  int64
	finished int64
	exit     program.Exit
}

// CreateContainer implements the runtime service.
func (r *Runtime) CreateContainer(_ context.Context, sandboxID string, config *runtimeapi.ContainerConfig, _ *runtimeapi.PodSandboxConfig) (string, error) {
	box, err := r.findSandbox(sandboxID)
	if err != nil {
		return "", err
	}
	c := &container{
		sandbox: box, config: config, image: config.GetImage().GetImage(),
		created: time.Now().UnixNano(), state: created, done: make(chan struct{}),
	}
	if config.LogPath != "" {
		c.logPath = filepath.Join(box.config.LogDirectory, config.LogPath)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c.id = r.id("container")
	r.containers[c.id] = c
	return c.id, nil
}

func (r *Runtime) find(id string) (*container, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.containers[id]; c != nil {
		return c, nil
	}
	return nil, status.Errorf(codes.NotFound, "container %s is not there", id)
}

// StartContainer implements the runtime service.
func (r *Runtime) StartContainer(ctx context.Context, id string) error {
	c, err := r.find(id)
	if err != nil {
		return err
	}
	if err := r.powered(); err != nil {
		return err
	}
	output, err := newOutput(c.logPath)
	if err != nil {
		return err
	}
	process := r.processOf(ctx, c)
	process.Output = output
	c.mu.Lock()
	c.process, c.state, c.started = process, running, time.Now().UnixNano()
	c.mu.Unlock()
	go c.run(process)
	return nil
}

func (c *container) run(process *program.Process) {
	exit := process.Run()
	c.mu.Lock()
	c.state, c.finished, c.exit = exited, time.Now().UnixNano(), exit
	c.mu.Unlock()
	close(c.done)
}

func (r *Runtime) processOf(ctx context.Context, c *container) *program.Process {
	pod := c.sandbox.config.GetMetadata()
	process := &program.Process{
		Image:   cmp.Or(c.config.GetImage().GetUserSpecifiedImage(), c.image),
		Role:    r.config.RoleOf(ctx, pod.GetNamespace(), pod.GetName(), c.config.GetMetadata().GetName()),
		Env:     map[string]string{},
		Args:    c.config.GetArgs(),
		Address: c.sandbox.address,
		Ports:   portsOf(c.config),
		Pod:     pod.GetName(), Namespace: pod.GetNamespace(),
		Node: r.config.Node, Host: r.config.Host,
	}
	for _, variable := range c.config.Envs {
		process.Env[variable.Key] = string(variable.Value)
	}
	for _, mount := range c.config.Mounts {
		process.Mounts = append(process.Mounts, program.Mount{Path: mount.ContainerPath, HostPath: mount.HostPath})
	}
	return process
}

// portsOf are the declared TCP ports, each once. An annotation that cannot be read declares none.
func portsOf(config *runtimeapi.ContainerConfig) []int {
	var declared []corev1.ContainerPort
	if json.Unmarshal([]byte(config.Annotations[portsAnnotation]), &declared) != nil {
		return nil
	}
	var ports []int
	for _, port := range declared {
		number := int(port.ContainerPort)
		if cmp.Or(port.Protocol, corev1.ProtocolTCP) == corev1.ProtocolTCP && !slices.Contains(ports, number) {
			ports = append(ports, number)
		}
	}
	return ports
}

// kill returns when the process, if there is one, has ended.
func (c *container) kill() {
	if process := c.alive(); process != nil {
		process.Kill()
		<-c.done
	}
}

func (c *container) alive() *program.Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != running {
		return nil
	}
	return c.process
}

// StopContainer implements the runtime service: SIGTERM now, SIGKILL after timeout seconds.
// The kubelet has already waited for preStop.
func (r *Runtime) StopContainer(ctx context.Context, id string, timeout int64) error {
	c, err := r.find(id)
	if err != nil {
		return nil // to stop what is not there is no error in this interface
	}
	process := c.alive()
	if process == nil {
		return nil
	}
	process.Terminate()
	grace := time.NewTimer(time.Duration(timeout) * time.Second)
	defer grace.Stop()
	select {
	case <-c.done:
	case <-ctx.Done():
		return ctx.Err()
	case <-grace.C:
		c.kill()
	}
	return nil
}

// RemoveContainer implements the runtime service.
func (r *Runtime) RemoveContainer(_ context.Context, id string) error {
	c, err := r.find(id)
	if err != nil {
		return nil //nolint:nilerr // to remove what is not there is no error in this interface
	}
	c.kill()
	r.mu.Lock()
	delete(r.containers, id)
	r.mu.Unlock()
	return removeLog(c.logPath)
}

// ListContainers implements the runtime service; the newest comes first.
func (r *Runtime) ListContainers(_ context.Context, filter *runtimeapi.ContainerFilter) ([]*runtimeapi.Container, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*runtimeapi.Container
	for _, c := range r.containers {
		if one := c.entry(); c.matches(filter, one.State) {
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b *runtimeapi.Container) int { return int(b.CreatedAt - a.CreatedAt) })
	return list, nil
}

func (c *container) entry() *runtimeapi.Container {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &runtimeapi.Container{
		Id: c.id, PodSandboxId: c.sandbox.id, Metadata: c.config.Metadata, Image: c.config.Image, ImageRef: c.image, ImageId: c.image,
		State: c.state, CreatedAt: c.created, Labels: c.config.Labels, Annotations: c.config.Annotations,
	}
}

func (c *container) matches(filter *runtimeapi.ContainerFilter, state runtimeapi.ContainerState) bool {
	return filter == nil ||
		(filter.Id == "" || filter.Id == c.id) &&
			(filter.PodSandboxId == "" || filter.PodSandboxId == c.sandbox.id) &&
			(filter.State == nil || filter.State.State == state) &&
			hasLabels(c.config.Labels, filter.LabelSelector)
}

// ContainerStatus implements the runtime service.
func (r *Runtime) ContainerStatus(_ context.Context, id string, _ bool) (*runtimeapi.ContainerStatusResponse, error) {
	c, err := r.find(id)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return &runtimeapi.ContainerStatusResponse{Status: &runtimeapi.ContainerStatus{
		Id: c.id, Metadata: c.config.Metadata, State: c.state, CreatedAt: c.created, StartedAt: c.started, FinishedAt: c.finished,
		ExitCode: int32(c.exit.Code), Reason: c.exit.Reason, Message: c.exit.Message,
		Image: c.config.Image, ImageRef: c.image, ImageId: c.image, LogPath: c.logPath,
		Labels: c.config.Labels, Annotations: c.config.Annotations, Mounts: c.config.Mounts,
	}}, nil
}

// UpdateContainerResources implements the runtime service; there are no resources to set.
func (r *Runtime) UpdateContainerResources(context.Context, string, *runtimeapi.ContainerResources) error {
	return nil
}

// CheckpointContainer implements the runtime service.
func (r *Runtime) CheckpointContainer(context.Context, *runtimeapi.CheckpointContainerRequest) error {
	return status.Error(codes.Unimplemented, "the lab has no checkpoints")
}

// GetContainerEvents implements the runtime service; without it the kubelet lists once a second.
func (r *Runtime) GetContainerEvents(context.Context, chan *runtimeapi.ContainerEventResponse, func(runtimeapi.RuntimeService_GetContainerEventsClient)) error {
	return status.Error(codes.Unimplemented, "the lab has no container events")
}
