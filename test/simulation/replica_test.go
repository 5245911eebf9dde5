package simulation

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	ctrlrecorder "sigs.k8s.io/controller-runtime/pkg/recorder"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/controller"
)

var objects = func() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, v1beta1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			panic(err)
		}
	}
	return s
}()

// replica is one process of the controller. It stands in for the manager: it runs what Setup adds, from
// the moment it leads until it dies.
type replica struct {
	ctrl.Manager // of which nothing but what follows is used

	name      string
	log       logr.Logger
	kube      *kube
	informers *informers
	writer    *writer
	recorder  ctrlrecorder.EventRecorder
	runnables []manager.Runnable

	cancel context.CancelFunc
	work   sync.WaitGroup
	ctx    context.Context
}

// startReplica begins a process: its informers fill, and it waits to lead.
func startReplica(w *world, name string) *replica {
	r := &replica{name: name, kube: w.kube, log: logr.New(&logSink{timeline: w.timeline, process: name}), recorder: recorder{timeline: w.timeline}}
	r.ctx, r.cancel = context.WithCancel(logr.NewContext(context.Background(), r.log))
	r.informers = startInformers(r.ctx, &r.work, w.kube, w.lag, w.plant.show)
	r.writer = &writer{kube: w.kube, informers: r.informers, network: w.network, corrupt: w.plant.corrupt}
	return r
}

// lead sets the controllers up and runs them.
func (r *replica) lead(settings controller.Config, aws *cloud.Cloud) error {
	if err := controller.Setup(r.ctx, r, settings, aws); err != nil {
		return fmt.Errorf("setting up %s: %w", r.name, err)
	}
	for _, runnable := range r.runnables {
		r.work.Go(func() {
			if err := runnable.Start(r.ctx); err != nil && r.ctx.Err() == nil {
				panic(fmt.Sprintf("%s: %v", r.name, err))
			}
		})
	}
	return nil
}

// die ends a process in the middle of whatever it does.
func (r *replica) die() {
	r.cancel()
	r.work.Wait()
}

func (r *replica) Add(runnable manager.Runnable) error {
	r.runnables = append(r.runnables, runnable)
	return nil
}

func (r *replica) GetCache() cache.Cache                              { return r.informers }
func (r *replica) GetClient() client.Client                           { return r.writer }
func (r *replica) GetAPIReader() client.Reader                        { return direct{kube: r.kube} }
func (r *replica) GetFieldIndexer() client.FieldIndexer               { return r.informers }
func (r *replica) GetScheme() *runtime.Scheme                         { return objects }
func (r *replica) GetLogger() logr.Logger                             { return r.log }
func (r *replica) GetEventRecorder(string) ctrlrecorder.EventRecorder { return r.recorder }
func (r *replica) Elected() <-chan struct{}                           { return nil }
func (r *replica) GetControllerOptions() config.Controller {
	return config.Controller{SkipNameValidation: new(true), CacheSyncTimeout: time.Minute}
}
