package simulation

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// informers are one replica's picture of the cluster: complete, in order for each kind, and late.
type informers struct {
	cache.Cache // of which nothing but what follows is used

	kube *kube
	lag  func(change) time.Duration
	// show lets a planted bug change what the replica sees; nil: nothing is changed.
	show func(client.Object) client.Object

	mu      sync.Mutex
	kinds   map[string]*informer
	indexes map[string]client.IndexerFunc // by kind and field
	closed  bool
}

// informer is the picture of one kind.
type informer struct {
	cache.Informer

	parent   *informers
	objects  map[types.NamespacedName]client.Object
	handlers []toolscache.ResourceEventHandler
	coming   []change
	wake     chan struct{}
}

// watched are the kinds that the controllers look at.
var watched = []string{
	"Pod", "Service", "Node", "Namespace", "EndpointSlice", "Ingress", "IngressClass", "IngressClassParams", "TargetGroupBinding", "ReadinessGateSet", "LoadBalancer",
	"ReplicaSet", "StatefulSet", "DaemonSet",
}

// startInformers lists everything and follows what happens from then on, until ctx ends.
func startInformers(ctx context.Context, work *sync.WaitGroup, k *kube, lag func(change) time.Duration, show func(client.Object) client.Object) *informers {
	i := &informers{kube: k, lag: lag, show: show, kinds: map[string]*informer{}, indexes: map[string]client.IndexerFunc{}}
	k.mu.Lock()
	for _, kind := range watched {
		one := &informer{parent: i, objects: map[types.NamespacedName]client.Object{}, wake: make(chan struct{}, 1)}
		for key, o := range k.objects[kind] {
			one.objects[key] = i.shown(o)
		}
		i.kinds[kind] = one
	}
	k.hooks = append(k.hooks, i.hear)
	k.mu.Unlock()
	for _, one := range i.kinds {
		work.Go(func() { one.follow(ctx) })
	}
	work.Go(func() {
		<-ctx.Done()
		i.mu.Lock()
		defer i.mu.Unlock()
		i.closed = true
	})
	return i
}

func (i *informers) shown(o client.Object) client.Object {
	if i.show == nil || o == nil {
		return o
	}
	return i.show(o)
}

// hear takes a change down.
func (i *informers) hear(c change) {
	i.mu.Lock()
	defer i.mu.Unlock()
	one := i.kinds[c.kind]
	if one == nil || i.closed {
		return
	}
	one.coming = append(one.coming, c)
	select {
	case one.wake <- struct{}{}:
	default:
	}
}

// follow tells of changes, each when it has arrived.
func (o *informer) follow(ctx context.Context) {
	for {
		next, ok := o.next()
		if !ok {
			select {
			case <-o.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		if !sleep(ctx, time.Until(next.at.Add(o.parent.lag(next)))) {
			return
		}
		o.take(next)
	}
}

func (o *informer) next() (change, bool) {
	o.parent.mu.Lock()
	defer o.parent.mu.Unlock()
	if len(o.coming) == 0 {
		return change{}, false
	}
	first := o.coming[0]
	o.coming = o.coming[1:]
	return first, true
}

func (o *informer) take(c change) {
	o.parent.mu.Lock()
	key := keyOf(c.object())
	before, after := o.objects[key], o.parent.shown(c.after)
	if c.after == nil {
		delete(o.objects, key)
	} else {
		o.objects[key] = after
	}
	handlers := slices.Clone(o.handlers)
	o.parent.mu.Unlock()
	for _, handler := range handlers {
		switch {
		case c.after == nil:
			handler.OnDelete(before)
		case before == nil:
			handler.OnAdd(after, false)
		default:
			handler.OnUpdate(before, after)
		}
	}
}

// AddEventHandlerWithOptions tells a new listener of everything that there is.
func (o *informer) AddEventHandlerWithOptions(handler toolscache.ResourceEventHandler, _ toolscache.HandlerOptions) (toolscache.ResourceEventHandlerRegistration, error) {
	o.parent.mu.Lock()
	var all []client.Object
	for _, object := range o.objects {
		all = append(all, object)
	}
	o.handlers = append(o.handlers, handler)
	o.parent.mu.Unlock()
	slices.SortFunc(all, compareNames)
	for _, object := range all {
		handler.OnAdd(object, true)
	}
	return synced{}, nil
}

type synced struct {
	toolscache.ResourceEventHandlerRegistration
}

func (synced) HasSynced() bool { return true }

func (i *informers) GetInformer(_ context.Context, o client.Object, _ ...cache.InformerGetOption) (cache.Informer, error) {
	if one := i.kinds[kindOf(o)]; one != nil {
		return one, nil
	}
	return nil, fmt.Errorf("the simulation does not watch %T", o)
}

func (i *informers) WaitForCacheSync(context.Context) bool { return true }

func (i *informers) IndexField(_ context.Context, o client.Object, field string, values client.IndexerFunc) error {
	i.indexes[kindOf(o)+"/"+field] = values
	return nil
}

// Get reads from the picture.
func (i *informers) Get(_ context.Context, key types.NamespacedName, into client.Object, options ...client.GetOption) error {
	var wanted client.GetOptions
	wanted.ApplyOptions(options)
	kind := kindOf(into)
	i.mu.Lock()
	defer i.mu.Unlock()
	found := i.kinds[kind].objects[key]
	if found == nil {
		return apierrors.NewNotFound(resource(kind), key.Name)
	}
	if wanted.UnsafeDisableDeepCopy != nil && *wanted.UnsafeDisableDeepCopy {
		reflect.ValueOf(into).Elem().Set(reflect.ValueOf(found).Elem())
		return nil
	}
	assign(into, found)
	return nil
}

// List reads from the picture, in no order, as caches do.
func (i *informers) List(_ context.Context, into client.ObjectList, options ...client.ListOption) error {
	var wanted client.ListOptions
	wanted.ApplyOptions(options)
	kind := strings.TrimSuffix(kindOf(into), "List")
	i.mu.Lock()
	defer i.mu.Unlock()
	var found []runtime.Object
	for _, o := range i.kinds[kind].objects {
		switch {
		case !i.fits(kind, o, wanted):
		case wanted.UnsafeDisableDeepCopy != nil && *wanted.UnsafeDisableDeepCopy:
			found = append(found, o)
		default:
			found = append(found, o.DeepCopyObject())
		}
	}
	return meta.SetList(into, found)
}

func (i *informers) fits(kind string, o client.Object, wanted client.ListOptions) bool {
	if wanted.Namespace != "" && o.GetNamespace() != wanted.Namespace {
		return false
	}
	if wanted.LabelSelector != nil && !wanted.LabelSelector.Matches(labels.Set(o.GetLabels())) {
		return false
	}
	if wanted.FieldSelector == nil {
		return true
	}
	for _, requirement := range wanted.FieldSelector.Requirements() {
		values, known := i.indexes[kind+"/"+requirement.Field]
		if !known {
			panic("no index of " + kind + " by " + requirement.Field)
		}
		if !slices.Contains(values(o), requirement.Value) {
			return false
		}
	}
	return true
}

// sleep is false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
