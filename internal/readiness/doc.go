// Package readiness is the heart: who gets a readiness gate, and when it opens.
//
// What comes in: claims (the load balancers that want a Pod), the Pod's gates, and what
// AWS says of its targets. What goes out: a [Verdict] with the conditions to write,
// the targets to ask about, and when to look again. [Decide] is pure; the only I/O is
// in write.go.
//
// One rule governs all: every claim holds its Pod back, through its own gate if the
// Pod has it, else through all gates of the Pod. A gate opens when all claims that it
// stands for are bound and healthy and all containers are ready; a gate that stands
// for none opens with the containers.
//
//	verdict := readiness.Decide(now, pod, claims, settings)
//	writer.Write(ctx, pod, verdict.Changes)
//	watcher.Await(pod, verdict.Waits)
package readiness
