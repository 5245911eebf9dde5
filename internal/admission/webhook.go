package admission

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// lookUpWithin bounds what an answer may wait for. It is less than the API server waits for
// the answer (timeoutSeconds: 2 in config/webhook), so that a Pod whose list of gates cannot
// be read still gets the anticipating gate.
const lookUpWithin = time.Second

// Webhook answers the API server what is to be made of a Pod that is being created. It
// allows every Pod: whatever goes wrong, the answer is to take the Pod as it is.
type Webhook struct {
	// Cached may lag behind; Live is asked where that would leave a Pod without its gates.
	Cached, Live client.Reader

	about  string // of the metric
	change func(w *Webhook, ctx context.Context, pod *corev1.Pod, namespace string) (*corev1.Pod, error)
}

// NewGatesWebhook gives Pods their readiness gates.
func NewGatesWebhook(cached, live client.Reader) *Webhook {
	return &Webhook{Cached: cached, Live: live, about: "gates", change: (*Webhook).gates}
}

// NewDrainWebhook gives Pods their drain.
func NewDrainWebhook(cached, live client.Reader) *Webhook {
	return &Webhook{Cached: cached, Live: live, about: "drain", change: (*Webhook).drain}
}

// Handle never denies.
func (w *Webhook) Handle(ctx context.Context, request admission.Request) (response admission.Response) {
	// Left to the library, a panic would become an answer that rejects the Pod.
	defer func() {
		if cause := recover(); cause != nil {
			response = w.failed(ctx, request, fmt.Errorf("panic: %v", cause))
		}
	}()
	// A Pod that exists cannot get any of this: the API server would reject the change.
	if request.Operation != admissionv1.Create || request.SubResource != "" {
		return w.allowed(unchanged)
	}
	var pod corev1.Pod
	if err := json.Unmarshal(request.Object.Raw, &pod); err != nil {
		return w.failed(ctx, request, fmt.Errorf("reading the Pod: %w", err))
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpWithin)
	defer cancel()
	after, err := w.change(w, ctx, &pod, request.Namespace)
	if err != nil {
		return w.failed(ctx, request, err)
	}
	patch := Patch(&pod, after)
	if len(patch) == 0 {
		return w.allowed(unchanged)
	}
	response = w.allowed(changed)
	response.Patches = patch
	return response
}

func (w *Webhook) gates(ctx context.Context, pod *corev1.Pod, namespace string) (*corev1.Pod, error) {
	in, err := w.namespace(ctx, namespace, readiness.InjectLabel)
	if err != nil {
		return nil, err
	}
	entries, err := w.entries(ctx, namespace)
	if err != nil {
		log.FromContext(ctx).Error(err, "reading the list of gates; the Pod gets the anticipating gate alone", "namespace", namespace)
		answers.WithLabelValues(w.about, degraded).Inc()
	}
	return Gates(pod, in, entries), nil
}

func (w *Webhook) drain(ctx context.Context, pod *corev1.Pod, namespace string) (*corev1.Pod, error) {
	if _, says := pod.Annotations[DrainKey]; says {
		return Drain(pod, &corev1.Namespace{}), nil
	}
	in, err := w.namespace(ctx, namespace, DrainKey)
	if err != nil {
		return nil, err
	}
	return Drain(pod, in), nil
}

// namespace is read live where the cache does not know it, or not yet that it has the label:
// without that the API server would not have asked.
func (w *Webhook) namespace(ctx context.Context, name, label string) (*corev1.Namespace, error) {
	var cached, live corev1.Namespace
	key := types.NamespacedName{Name: name}
	if err := w.Cached.Get(ctx, key, &cached); err == nil && cached.Labels[label] != "" {
		return &cached, nil
	}
	if err := w.Live.Get(ctx, key, &live); err != nil {
		return nil, fmt.Errorf("reading namespace %s: %w", name, err)
	}
	return &live, nil
}

// entries of the namespace's list; none where there is no list. As the API server does for
// policies, a list that the cache does not have is looked up: it may be a moment old.
func (w *Webhook) entries(ctx context.Context, namespace string) ([]v1alpha1.Gate, error) {
	var cached, live v1alpha1.ReadinessGateSet
	key := types.NamespacedName{Namespace: namespace, Name: v1alpha1.ReadinessGateSetName}
	if err := w.Cached.Get(ctx, key, &cached); err == nil {
		return cached.Spec.Gates, nil
	}
	if err := w.Live.Get(ctx, key, &live); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("reading the ReadinessGateSet of namespace %s: %w", namespace, err)
	}
	return live.Spec.Gates, nil
}

func (w *Webhook) allowed(outcome string) admission.Response {
	answers.WithLabelValues(w.about, outcome).Inc()
	return admission.Allowed("")
}

func (w *Webhook) failed(ctx context.Context, request admission.Request, err error) admission.Response {
	log.FromContext(ctx).Error(err, "the Pod is created as it is", "about", w.about, "namespace", request.Namespace, "name", request.Name)
	return w.allowed(failed)
}
