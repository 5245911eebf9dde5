// Package simulation runs Sluice in a cluster, a cloud and a time that are made up, hours in
// a moment, one seed a run; and looks after every event whether the promises hold.
//
// Real are the reconcilers of internal/controller with everything below them (readiness, targets,
// health, plan, cloud with its budget), the work queues of controller-runtime, the AWS SDK, and the
// control plane, the thresholds and the delays of internal/localaws.
//
// Simulated are the clock (a testing/synctest bubble), the API server and the informers (kube, informers:
// they may lag), what admission injects, the controllers of workloads, the kubelet, the containers (which
// answer health checks without a socket), the election of a leader, and what is between the SDK and AWS.
//
// What happens in a run is drawn from its seed by name, not in order, so that one draw more changes no
// other. What happens at the very same instant is ordered by the Go scheduler, so a seed replays nearly,
// not exactly.
package simulation
