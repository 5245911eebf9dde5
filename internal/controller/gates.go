package controller

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// gates are the controllers that keep gates, and measure where there are none, with the
// watcher that asks AWS on their behalf. Every mode has them.
type gates struct {
	pods     *podController
	observer *observeController
	watcher  *health.Watcher
}

// newGates: answered is told as well when there is an answer about a group.
func newGates(manager ctrl.Manager, view *view, book *health.Book, aws *cloud.Cloud, answered func(group string)) *gates {
	g := &gates{}
	ask := func(ctx context.Context, group string) ([]model.TargetHealth, error) {
		return aws.As(view.roleFor(ctx, group)).TargetHealth(ctx, cloud.Question, group)
	}
	g.watcher = health.NewWatcher(book, ask, func(group string) {
		g.pods.bell.ring(g.pods.waits.on(group)...)
		g.observer.bell.ring(g.observer.waits.on(group)...)
		answered(group)
	})
	witness := &witness{view: view, book: book}
	g.pods = &podController{
		witness: witness, waits: newWaits("gates of", g.watcher.Await), events: Events{manager.GetEventRecorder("sluice")},
		writer: readiness.Writer{Status: manager.GetClient().Status()},
	}
	g.observer = newObserver(witness, newWaits("measure of", g.watcher.Await))
	return g
}

// learned is told of which Pods' targets more is known.
func (g *gates) learned(pods []types.NamespacedName) {
	g.pods.bell.ring(pods...)
	g.observer.bell.ring(pods...)
}

// awaitFor replaces what a binding waits to hear of AWS.
func (g *gates) awaitFor(binding types.NamespacedName, waits []health.Wait) {
	g.watcher.Await("binding "+binding.String(), waits)
}
