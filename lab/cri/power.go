package cri

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// PowerOff kills every container, as the loss of the machine does, and starts none until PowerOn.
func (r *Runtime) PowerOff() {
	r.mu.Lock()
	r.dead = true
	var all []*container
	for _, c := range r.containers {
		all = append(all, c)
	}
	r.mu.Unlock()
	for _, c := range all {
		c.kill()
	}
}

// PowerOn lets containers be started again; which, the kubelet decides.
func (r *Runtime) PowerOn() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dead = false
}

func (r *Runtime) powered() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return status.Error(codes.Unavailable, "the node has no power")
	}
	return nil
}
