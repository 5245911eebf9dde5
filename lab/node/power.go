package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/sluice-lb/sluice/lab/cri"
)

// PowerAnnotation of a Node takes its power away while it is "off": all containers are gone at once, and the API server
// hears nothing of the kubelet. The kubelet itself cannot be stopped inside a process, so it goes on talking to nobody.
const PowerAnnotation = "lab.sluice.dev/power"

// power is what a node runs on.
type power struct {
	runtime *cri.Runtime

	mu     sync.Mutex
	on     context.Context // ends when the power does
	cutOff context.CancelFunc
}

func newPower() *power {
	p := &power{}
	p.on, p.cutOff = context.WithCancel(context.Background())
	return p
}

// watch obeys the annotation until the context ends.
func (p *power) watch(ctx context.Context, client kubernetes.Interface, node string) error {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = "metadata.name=" + node
	}))
	obey := func(object any) {
		if n, ok := object.(*corev1.Node); ok {
			p.set(n.Annotations[PowerAnnotation] != "off")
		}
	}
	_, err := factory.Core().V1().Nodes().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: obey, UpdateFunc: func(_, n any) { obey(n) }})
	if err != nil {
		return fmt.Errorf("watching the power of node %s: %w", node, err)
	}
	factory.Start(ctx.Done())
	return nil
}

func (p *power) set(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case on == (p.on.Err() == nil): // as it was
	case on:
		p.on, p.cutOff = context.WithCancel(context.Background())
		p.runtime.PowerOn()
	default:
		p.cutOff()
		p.runtime.PowerOff()
	}
}

func (p *power) now() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.on
}

// wrap lets requests of the kubelet fail without power, watches that have been open for long too.
func (p *power) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		on := p.now()
		if on.Err() != nil {
			return nil, errors.New("the node has no power")
		}
		ctx, cancel := context.WithCancel(r.Context())
		stop := context.AfterFunc(on, cancel)
		response, err := next.RoundTrip(r.WithContext(ctx))
		if err != nil {
			stop()
			cancel()
			return nil, err
		}
		response.Body = &endingBody{response.Body, func() { stop(); cancel() }}
		return response, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// endingBody lets go of the power when the answer has been read.
type endingBody struct {
	io.ReadCloser
	release func()
}

func (b *endingBody) Close() error {
	b.release()
	return b.ReadCloser.Close()
}
