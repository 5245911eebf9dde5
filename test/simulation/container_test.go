package simulation

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// life is how the containers of a version behave.
type life struct {
	start, ready, healthy time.Duration // one after the other: running, ready by its probe, healthy for load balancers
	stop                  time.Duration // from the signal to the end
	never                 bool          // load balancers never find it healthy
	sickens               time.Duration // after its first success; 0: it does not
	quorum                int           // how many of its application have to run
	fails                 string        // the path of a health check that it never passes
}

// container is all containers of one Pod.
type container struct {
	pod           types.NamespacedName
	uid           types.UID
	app           string
	life          life
	node, address string
	onlyOn        string // the node that it must run on; empty: any
	hostNetwork   bool
	ports         []int // that it listens on

	// guarded by the kubelet's lock
	running, ready, healthy bool
	blip                    bool // its readiness probe fails for a while
	ending, stopped         bool
	silent                  bool                 // its node is dead: nobody reports what it does
	drained                 bool                 // it slept before it stopped
	first                   time.Time            // when a load balancer found it healthy first
	answered                map[string]time.Time // when it answered a health check last with success, by path
}

func (c *cluster) newContainer(pod *corev1.Pod) *container {
	name := keyOf(pod)
	made := &container{
		pod: name, uid: pod.UID, app: pod.Labels["app"], onlyOn: pod.Spec.NodeSelector[hostLabel], hostNetwork: pod.Spec.HostNetwork, answered: map[string]time.Time{},
	}
	for _, port := range pod.Spec.Containers[0].Ports {
		made.ports = append(made.ports, int(port.ContainerPort))
	}
	made.life = life{stop: c.dice.between(100*time.Millisecond, 3*time.Second, "stop", name)}
	if w := c.workload(made.app); w != nil {
		made.life = w.life(c.dice, name, pod.Labels["version"])
	}
	return made
}

var errRefused = errors.New("connection refused")

// probe answers a load balancer's health check.
func (k *kubelet) probe(_ context.Context, target netip.AddrPort, path string) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.at(target.Addr().String())
	if c == nil || !c.running || c.stopped || !slices.Contains(c.ports, int(target.Port())) {
		return 0, errRefused
	}
	if !k.answers(c) || path == c.life.fails {
		return http.StatusServiceUnavailable, nil
	}
	if c.first.IsZero() {
		c.first = time.Now()
	}
	c.answered[path] = time.Now()
	return http.StatusOK, nil
}

// answers reports whether requests would be answered well. The caller holds the lock.
func (k *kubelet) answers(c *container) bool {
	sick := c.life.sickens > 0 && !c.first.IsZero() && time.Since(c.first) > c.life.sickens
	return c.running && c.healthy && !c.stopped && !k.failing[c.app] && !sick && k.peers(c) >= c.life.quorum
}

// peers are the containers of the same application that run, this one included. The caller holds the lock.
func (k *kubelet) peers(c *container) (n int) {
	if c.life.quorum == 0 {
		return 0
	}
	for _, other := range k.containers {
		if other.app == c.app && other.running && !other.stopped {
			n++
		}
	}
	return n
}

// at is the container that has an address now. The caller holds the lock.
func (k *kubelet) at(address string) *container {
	var found *container
	for _, c := range k.containers {
		if c.address == address && (found == nil || found.stopped) {
			found = c
		}
	}
	return found
}
