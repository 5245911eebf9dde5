package admission

import (
	"math"
	"regexp"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	// DrainKey asks for draining: an annotation of a Pod, or a label of a namespace.
	DrainKey = "sluice.dev/drain"

	injectedDrainAnnotation = "sluice.dev/injected-drain"
	// defaultGrace is Kubernetes' terminationGracePeriodSeconds.
	defaultGrace = 30
	longestSleep = 3600
)

// Drain returns the Pod with a sleep before the end of each container that does nothing
// there itself, and a grace period that is longer by as much. A Pod that does not ask, or
// asks for what is not known, is returned as it is; the given one is never changed.
func Drain(pod *corev1.Pod, namespace *corev1.Namespace) *corev1.Pod {
	seconds := sleepSeconds(drainAsked(pod, namespace))
	grace := max(graceSeconds(pod), 0)
	if seconds == 0 || mirrors(pod) || grace > math.MaxInt64-seconds {
		return pod
	}
	note := strconv.FormatInt(seconds, 10)
	if grace < seconds || pod.Annotations[injectedDrainAnnotation] != note { // else it was lengthened before
		grace += seconds
	}
	drained, slept := pod.DeepCopy(), false
	for i := range drained.Spec.Containers {
		container := &drained.Spec.Containers[i]
		if container.Lifecycle == nil {
			container.Lifecycle = &corev1.Lifecycle{}
		}
		if container.Lifecycle.PreStop == nil {
			container.Lifecycle.PreStop = &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: seconds}}
			slept = true
		}
	}
	if !slept {
		return pod
	}
	drained.Spec.TerminationGracePeriodSeconds = &grace
	annotate(drained, injectedDrainAnnotation, note)
	return drained
}

// DrainOf is for how long a Pod asks to be drained; 0: it does not.
func DrainOf(pod *corev1.Pod, namespace *corev1.Namespace) time.Duration {
	return time.Duration(sleepSeconds(drainAsked(pod, namespace))) * time.Second
}

// drainAsked is what the Pod says, else what its namespace does. The Pod of a Job serves
// nobody: it can ask itself, but its namespace does not mean it.
func drainAsked(pod *corev1.Pod, namespace *corev1.Namespace) string {
	if own, says := pod.Annotations[DrainKey]; says || ofJob(pod) {
		return own
	}
	return namespace.Labels[DrainKey]
}

var digits = regexp.MustCompile(`^[0-9]{1,9}$`)

// sleepSeconds of a value; 0 for one that says nothing we know. What auto and nlb are made
// of stands in docs/design/drain.md.
func sleepSeconds(asked string) int64 {
	switch {
	case asked == "auto":
		return 20
	case asked == "nlb":
		return 130
	case !digits.MatchString(asked):
		return 0
	}
	seconds, err := strconv.ParseInt(asked, 10, 64)
	if err != nil {
		panic("nine digits are a number: " + err.Error())
	}
	return min(seconds, longestSleep)
}

func graceSeconds(pod *corev1.Pod) int64 {
	if pod.Spec.TerminationGracePeriodSeconds == nil {
		return defaultGrace
	}
	return *pod.Spec.TerminationGracePeriodSeconds
}
