package controller

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/health"
)

// waits are what the Pods of one controller wait to hear of AWS.
type waits struct {
	// await tells the watcher what a Pod waits for now.
	await func(who string, waits []health.Wait)
	// as whom the watcher knows them: Pods of several controllers may have one name.
	as string

	mu    sync.Mutex
	ofPod map[types.NamespacedName][]health.Wait
}

func newWaits(as string, await func(string, []health.Wait)) *waits {
	return &waits{await: await, as: as, ofPod: map[types.NamespacedName][]health.Wait{}}
}

// replace tells the watcher what a Pod waits for, where that has changed.
func (w *waits) replace(pod types.NamespacedName, list []health.Wait) {
	w.mu.Lock()
	same := slices.Equal(w.ofPod[pod], list)
	if len(list) == 0 {
		delete(w.ofPod, pod)
	} else {
		w.ofPod[pod] = list
	}
	w.mu.Unlock()
	if !same {
		w.await(w.as+" "+pod.String(), list)
	}
}

// on are the Pods that wait to hear of a group.
func (w *waits) on(group string) []types.NamespacedName {
	w.mu.Lock()
	defer w.mu.Unlock()
	var names []types.NamespacedName
	for name, list := range w.ofPod {
		if slices.ContainsFunc(list, func(wait health.Wait) bool { return wait.Group == group }) {
			names = append(names, name)
		}
	}
	return names
}
