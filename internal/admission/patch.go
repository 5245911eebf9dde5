package admission

import (
	"fmt"
	"reflect"

	"gomodules.xyz/jsonpatch/v2"
	corev1 "k8s.io/api/core/v1"
)

// Patch is what turns the one Pod into the other, where [Gates] and [Drain] change Pods and
// nowhere else: fields that are newer than this build are not in our types, and a patch made
// of whole Pods would remove them.
func Patch(before, after *corev1.Pod) []jsonpatch.Operation {
	var patch []jsonpatch.Operation
	set := func(path string, before, after any) {
		if !reflect.DeepEqual(before, after) {
			patch = append(patch, jsonpatch.NewOperation("add", path, after)) // "add" replaces what is there
		}
	}
	set("/metadata/annotations", before.Annotations, after.Annotations)
	set("/spec/readinessGates", before.Spec.ReadinessGates, after.Spec.ReadinessGates)
	set("/spec/terminationGracePeriodSeconds", before.Spec.TerminationGracePeriodSeconds, after.Spec.TerminationGracePeriodSeconds)
	for i := range before.Spec.Containers {
		path, had, has := fmt.Sprintf("/spec/containers/%d/lifecycle", i), before.Spec.Containers[i].Lifecycle, after.Spec.Containers[i].Lifecycle
		if had == nil || has == nil {
			set(path, had, has)
			continue
		}
		set(path+"/preStop", had.PreStop, has.PreStop)
	}
	return patch
}
