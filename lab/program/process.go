// Package program is what runs inside a lab's containers: goroutines in place of processes, but for Sluice itself.
//
// In goes what a container is started with (image, environment, ports, address); out comes how it
// ended. Between, it serves, waits for SIGTERM and obeys SIGKILL, as a process would:
//
//   - sluice.lab/web obeys its environment, see Web;
//   - sluice.lab/healthz is sluice healthz, with the container's arguments;
//   - an image named sluice, of whatever registry, is Sluice itself, a process after all, see Host;
//   - any other image that declares ports answers 200 with an echo of the request;
//   - any other image of a task (a Job's container, an init container) ends well after a second;
//   - the rest waits to be stopped.
//
// It knows neither Kubernetes nor the runtime; mounted files and a few commands are in exec.go.
package program

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Role is what a container is there for, as far as its image does not say.
type Role string

const (
	// Service runs until it is stopped.
	Service Role = "service"
	// Task runs to its end: Jobs, init containers, Pods that are not restarted.
	Task Role = "task"
)

// Mount is a directory or file of the host that a container sees at Path.
type Mount struct{ Path, HostPath string }

// Process is one container. Fill the exported fields, then Run it once.
type Process struct {
	Image          string
	Role           Role
	Env            map[string]string
	Args           []string   // what the manifest calls args
	Address        netip.Addr // of the Pod
	Ports          []int      // TCP ports that the container declares
	Pod, Namespace string
	Node           string
	Mounts         []Mount
	Host           Host
	Output         io.Writer // one Write a line; nil for nowhere

	start      sync.Once
	term, kill chan struct{}
	termOnce   sync.Once
	killOnce   sync.Once
}

// Exit is how a process ended, in the words of a container status.
type Exit struct {
	Code    int
	Reason  string
	Message string
}

var (
	completed  = Exit{Code: 0, Reason: "Completed"}
	killed     = Exit{Code: 137, Reason: "Error"}
	terminated = Exit{Code: 143, Reason: "Error"}
)

func failed(err error) Exit { return Exit{Code: 1, Reason: "Error", Message: err.Error()} }

func (p *Process) prepare() {
	p.start.Do(func() { p.term, p.kill = make(chan struct{}), make(chan struct{}) })
}

// Terminate is SIGTERM. The second one is ignored.
func (p *Process) Terminate() {
	p.prepare()
	p.termOnce.Do(func() { close(p.term) })
}

// Kill is SIGKILL.
func (p *Process) Kill() {
	p.prepare()
	p.killOnce.Do(func() { close(p.kill) })
}

// Run returns when the process has ended.
func (p *Process) Run() Exit {
	p.prepare()
	switch {
	case IsWeb(p.Image):
		web, err := ParseWeb(p.Env)
		if err != nil {
			p.print("%v", err)
			return failed(err)
		}
		return p.serve(web, withDefault(p.Ports, 8080))
	case nameOf(p.Image) == "sluice.lab/healthz":
		return p.healthz(p.Args)
	case isSluice(p.Image):
		return p.sluice()
	case p.Role == Task:
		return p.finish(time.Second)
	case len(p.Ports) > 0:
		return p.serve(Web{}, p.Ports)
	default:
		return p.finish(0)
	}
}

// finish ends well after the given time, or when it is told to if that is 0.
func (p *Process) finish(after time.Duration) Exit {
	var over <-chan time.Time
	if after > 0 {
		over = time.After(after)
	}
	select {
	case <-over:
	case <-p.term:
	case <-p.kill:
		return killed
	}
	return completed
}

// wait lets time pass; the second result is false when the process was stopped meanwhile.
func (p *Process) wait(d time.Duration) (Exit, bool) {
	if d == 0 {
		return Exit{}, true
	}
	select {
	case <-time.After(d):
		return Exit{}, true
	case <-p.term:
		return terminated, false
	case <-p.kill:
		return killed, false
	}
}

func (p *Process) print(format string, args ...any) {
	if p.Output != nil {
		fmt.Fprintf(p.Output, format+"\n", args...)
	}
}

// IsWeb tells whether an image is sluice.lab/web, with or without a tag or digest.
func IsWeb(image string) bool { return nameOf(image) == "sluice.lab/web" }

// nameOf is an image's name without tag and digest.
func nameOf(image string) string {
	name, _, _ := strings.Cut(image, "@")
	if colon := strings.LastIndex(name, ":"); colon > strings.LastIndex(name, "/") {
		name = name[:colon]
	}
	return name
}

func withDefault(ports []int, port int) []int {
	if len(ports) > 0 {
		return ports
	}
	return []int{port}
}
