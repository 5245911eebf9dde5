package simulation

import (
	"context"
	"errors"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// writer is a replica's way to the API server: it reads from the informers and writes over a network that
// takes time, may fail, and may lose an answer.
type writer struct {
	client.Client // of which nothing but what follows is used

	kube      *kube
	informers *informers
	// network is how long a write is on its way, and what goes wrong with it.
	network func(verb string, o client.Object) (there, back time.Duration, failure error)
	// corrupt lets a planted bug change what is written; nil: nothing.
	corrupt func(o client.Object, patch client.Patch) client.Patch
}

var errAPIServer = apierrors.NewInternalError(errors.New("the simulated API server has a bad moment"))

func (w *writer) Get(ctx context.Context, key types.NamespacedName, into client.Object, options ...client.GetOption) error {
	return w.informers.Get(ctx, key, into, options...)
}

func (w *writer) List(ctx context.Context, into client.ObjectList, options ...client.ListOption) error {
	return w.informers.List(ctx, into, options...)
}

func (w *writer) send(ctx context.Context, verb string, o client.Object, write func() error) error {
	there, back, failure := w.network(verb, o)
	if !sleep(ctx, there) {
		return ctx.Err()
	}
	if failure != nil {
		return failure
	}
	err := write()
	if !sleep(ctx, back) {
		return ctx.Err()
	}
	return err
}

func (w *writer) Create(ctx context.Context, o client.Object, _ ...client.CreateOption) error {
	return w.send(ctx, "create", o, func() error { return w.kube.create(o) })
}

func (w *writer) Update(ctx context.Context, o client.Object, _ ...client.UpdateOption) error {
	return w.send(ctx, "update", o, func() error { return w.kube.update(o, false) })
}

func (w *writer) Delete(ctx context.Context, o client.Object, options ...client.DeleteOption) error {
	var wanted client.DeleteOptions
	wanted.ApplyOptions(options)
	var uid types.UID
	if wanted.Preconditions != nil && wanted.Preconditions.UID != nil {
		uid = *wanted.Preconditions.UID
	}
	return w.send(ctx, "delete", o, func() error { return w.kube.remove(kindOf(o), keyOf(o), uid) })
}

func (w *writer) Patch(ctx context.Context, o client.Object, patch client.Patch, _ ...client.PatchOption) error {
	return w.patch(ctx, o, patch, false)
}

func (w *writer) patch(ctx context.Context, o client.Object, patch client.Patch, status bool) error {
	if w.corrupt != nil {
		patch = w.corrupt(o, patch)
	}
	return w.send(ctx, "patch", o, func() error { return w.kube.patch(o, patch, status) })
}

func (w *writer) Status() client.SubResourceWriter { return statusWriter{writer: w} }

// statusWriter writes the status alone.
type statusWriter struct {
	client.SubResourceWriter
	writer *writer
}

func (s statusWriter) Update(ctx context.Context, o client.Object, _ ...client.SubResourceUpdateOption) error {
	return s.writer.send(ctx, "update", o, func() error { return s.writer.kube.update(o, true) })
}

func (s statusWriter) Patch(ctx context.Context, o client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
	return s.writer.patch(ctx, o, patch, true)
}

// direct reads from the API server itself.
type direct struct {
	client.Reader
	kube *kube
}

func (d direct) Get(_ context.Context, key types.NamespacedName, into client.Object, _ ...client.GetOption) error {
	found := d.kube.find(kindOf(into), key)
	if found == nil {
		return apierrors.NewNotFound(resource(kindOf(into)), key.Name)
	}
	assign(into, found)
	return nil
}

func (d direct) List(_ context.Context, into client.ObjectList, _ ...client.ListOption) error {
	var found []runtime.Object
	for _, o := range d.kube.all(strings.TrimSuffix(kindOf(into), "List")) {
		found = append(found, o.DeepCopyObject())
	}
	return meta.SetList(into, found)
}
