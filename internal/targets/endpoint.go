package targets

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/model"
)

// Endpoint is one address of a Service port, with the state of its Pod.
type Endpoint struct {
	Address model.TargetID
	Pod     types.NamespacedName
	UID     types.UID
	// Node that the Pod runs on.
	Node string
	// Ready: all containers are ready. Gates do not count: they wait for the target.
	Ready bool
	// Since is when Ready last changed; zero while that is not known.
	Since time.Time
	// Ending: the Pod is on its way out and will not come back.
	Ending bool
	// Judging: a condition of the Pod shows that this Pod's own registration was seen
	// by a former process (see readiness.Judging).
	Judging bool
}

// String says whose the address is, for people.
func (e Endpoint) String() string {
	if e.Address.Instance != "" {
		return "node " + e.Node
	}
	return "Pod " + e.Pod.String()
}

// Slices are the EndpointSlices of one Service.
type Slices []*discoveryv1.EndpointSlice

// Endpoints are the endpoints of a Service port, by address, of one family of addresses. The
// name is that of the Service port, which slices repeat; an unnamed port has the empty name. Endpoints
// without a Pod are left out, as the incumbent does. An address belongs to one Pod: to
// the new one while the one that had it before is still listed on its way out.
func Endpoints(portName string, family discoveryv1.AddressType, slices_ Slices, pod func(types.NamespacedName) *corev1.Pod) []Endpoint {
	byAddress := map[model.TargetID]Endpoint{}
	for _, slice := range slices_ {
		port, ok := portOf(slice, portName)
		if !ok || slice.AddressType != family {
			continue
		}
		for _, entry := range slice.Endpoints {
			endpoint, ok := endpointOf(slice.Namespace, entry, port, pod)
			if !ok {
				continue
			}
			if known, taken := byAddress[endpoint.Address]; !taken || known.Ending && !endpoint.Ending {
				byAddress[endpoint.Address] = endpoint
			}
		}
	}
	return slices.SortedFunc(maps.Values(byAddress), func(a, b Endpoint) int { return a.Address.Compare(b.Address) })
}

func portOf(slice *discoveryv1.EndpointSlice, name string) (uint16, bool) {
	for _, port := range slice.Ports {
		if port.Port != nil && (port.Name == nil && name == "" || port.Name != nil && *port.Name == name) {
			return uint16(*port.Port), true
		}
	}
	return 0, false
}

func endpointOf(namespace string, entry discoveryv1.Endpoint, port uint16, pod func(types.NamespacedName) *corev1.Pod) (Endpoint, bool) {
	if entry.TargetRef == nil || entry.TargetRef.Kind != "Pod" || len(entry.Addresses) == 0 {
		return Endpoint{}, false
	}
	address, err := netip.ParseAddr(entry.Addresses[0])
	if err != nil {
		return Endpoint{}, false
	}
	if cmp.Or(entry.TargetRef.Namespace, namespace) != namespace {
		return Endpoint{}, false // written by hand: nobody gets at the Pods of others by a slice of one's own
	}
	name := types.NamespacedName{Namespace: namespace, Name: entry.TargetRef.Name}
	p := pod(name)
	if p == nil || p.UID != entry.TargetRef.UID || !has(p, address) {
		return Endpoint{}, false // the slice is older than the Pod: its next version is on the way
	}
	ready, since := ContainersReady(p)
	return Endpoint{
		Address: model.TargetID{IP: address, Port: port}, Pod: name, UID: p.UID, Node: p.Spec.NodeName,
		Ready: ready, Since: since, Ending: Ending(p),
	}, true
}

// has reports whether a Pod has an address; one in a dual-stack cluster has two.
func has(pod *corev1.Pod, address netip.Addr) bool {
	return pod.Status.PodIP == address.String() ||
		slices.ContainsFunc(pod.Status.PodIPs, func(ip corev1.PodIP) bool { return ip.IP == address.String() })
}

// ContainersReady is whether all containers of a Pod are ready, and since when that
// is so or not so.
func ContainersReady(pod *corev1.Pod) (bool, time.Time) {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.ContainersReady {
			return condition.Status == corev1.ConditionTrue, condition.LastTransitionTime.Time
		}
	}
	return false, time.Time{}
}

// Ending reports the first sign of a Pod's end: deletion, a disruption that has been
// decided on, or containers that have ended for good (graceful node shutdown ends
// Pods without deleting them).
func Ending(pod *corev1.Pod) bool {
	if pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded {
		return true
	}
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue
	})
}
