// Package targets says which addresses belong in a target group, and which have to go
// in or out now.
//
// What comes in: a Service's endpoints as Kubernetes has them (EndpointSlices for who
// and which port, the Pods themselves for their state, which is fresher), and what is
// registered. What goes out: [Changes]. The package is pure: it calls nobody and
// reads no clock.
//
//	endpoints := targets.Endpoints(port, family, slices, pods)
//	changes := targets.Plan(now, endpoints, registrations, targets.Settings{UnreadyGrace: 10 * time.Second})
//
// A target is registered when the containers of its Pod are ready and the Pod is not
// ending, without waiting for the Pod to be Ready: that waits for the target. It is
// deregistered at the first sign of the end.
package targets
