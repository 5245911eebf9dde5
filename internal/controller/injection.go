package controller

import (
	"context"
	"fmt"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/config"
	"github.com/sluice-lb/sluice/internal/admission"
	"github.com/sluice-lb/sluice/internal/diagnose"
	"github.com/sluice-lb/sluice/internal/readiness"
	"github.com/sluice-lb/sluice/internal/targets"
)

// injectionEvery is how often to look whether Pods get their gates: three requests to the
// API server each time.
const injectionEvery = time.Minute

// injectionWatch looks whether policies or webhook are there, as this version brings them,
// and says so where they are not. It installs nothing.
type injectionWatch struct {
	// live is asked, not the cache: an older API server has no policies to watch.
	live, cached client.Reader
	events       Events

	said   string          // the findings that were logged last
	warned map[string]bool // namespaces that were told
}

func newInjectionWatch(manager ctrl.Manager) *injectionWatch {
	return &injectionWatch{live: manager.GetAPIReader(), cached: manager.GetClient(), events: Events{manager.GetEventRecorder("sluice")}}
}

func (w *injectionWatch) setup(manager ctrl.Manager) error { return manager.Add(w) }

// NeedLeaderElection lets one replica speak.
func (w *injectionWatch) NeedLeaderElection() bool { return true }

// Start runs until ctx ends.
func (w *injectionWatch) Start(ctx context.Context) error {
	shipped, err := shippedInjection()
	if err != nil {
		return err
	}
	logger := log.FromContext(ctx).WithName("injection")
	for again := true; again; again = pause(ctx, injectionEvery) == nil {
		if err := w.look(log.IntoContext(ctx, logger), shipped); err != nil && ctx.Err() == nil {
			logger.Info("could not look whether gates are injected", "error", err.Error())
		}
	}
	return nil
}

func (w *injectionWatch) look(ctx context.Context, shipped diagnose.InjectionObjects) error {
	found, without, err := w.found(ctx)
	if err != nil {
		return err
	}
	injectors := diagnose.Injection(diagnose.InjectionSnapshot{Shipped: shipped, Found: found, WithoutPolicies: without})
	injects := false
	for _, by := range []string{diagnose.ByPolicy, diagnose.ByWebhook} {
		value := 0.0
		if diagnose.InjectsGates(injectors, by) {
			injects, value = true, 1
		}
		injection.WithLabelValues(by).Set(value)
	}
	findings := diagnose.InjectionFindings(injectors)
	w.say(ctx, findings)
	var asking corev1.NamespaceList
	if err := w.cached.List(ctx, &asking, client.MatchingLabels{readiness.InjectLabel: "enabled"}); err != nil {
		return fmt.Errorf("listing the namespaces that ask for gates: %w", err)
	}
	w.warn(asking.Items, injects, findings)
	return w.count(ctx, asking.Items)
}

// count says how many Pods of each namespace that asks for gates have none, though new ones
// like them would get one.
func (w *injectionWatch) count(ctx context.Context, namespaces []corev1.Namespace) error {
	podsWithoutGate.Reset()
	for i := range namespaces {
		namespace := &namespaces[i]
		var set v1alpha1.ReadinessGateSet
		err := w.cached.Get(ctx, types.NamespacedName{Namespace: namespace.Name, Name: v1alpha1.ReadinessGateSetName}, &set)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("reading the ReadinessGateSet of namespace %s: %w", namespace.Name, err)
		}
		var pods corev1.PodList
		if err := w.cached.List(ctx, &pods, client.InNamespace(namespace.Name), client.UnsafeDisableDeepCopy); err != nil {
			return fmt.Errorf("listing the Pods of namespace %s: %w", namespace.Name, err)
		}
		without := 0
		for j := range pods.Items {
			pod := &pods.Items[j]
			if !readiness.HasGate(pod) && !targets.Ending(pod) && readiness.HasGate(admission.Gates(pod, namespace, set.Spec.Gates)) {
				without++
			}
		}
		podsWithoutGate.WithLabelValues(namespace.Name).Set(float64(without))
	}
	return nil
}

// found is what the cluster has; without tells that it knows no policies.
func (w *injectionWatch) found(ctx context.Context) (found diagnose.InjectionObjects, without bool, err error) {
	var webhooks admissionregistrationv1.MutatingWebhookConfigurationList
	if err := w.live.List(ctx, &webhooks); err != nil {
		return found, false, fmt.Errorf("listing webhooks: %w", err)
	}
	found.Webhooks = webhooks.Items
	var policies admissionregistrationv1.MutatingAdmissionPolicyList
	var bindings admissionregistrationv1.MutatingAdmissionPolicyBindingList
	for _, list := range []client.ObjectList{&policies, &bindings} {
		err := w.live.List(ctx, list)
		if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
			return found, true, nil
		}
		if err != nil {
			return found, false, fmt.Errorf("listing admission policies: %w", err)
		}
	}
	found.Policies, found.Bindings = policies.Items, bindings.Items
	return found, false, nil
}

// say logs what is wrong when it changes, and that nothing is any more.
func (w *injectionWatch) say(ctx context.Context, findings []diagnose.Finding) {
	text := fmt.Sprint(findings)
	if text == w.said {
		return
	}
	w.said = text
	for _, finding := range findings {
		log.FromContext(ctx).Info(finding.What, "remedy", finding.Remedy)
	}
	if len(findings) == 0 {
		log.FromContext(ctx).Info("new Pods get the gates that their namespaces ask for")
	}
}

// warn tells each namespace that asks for gates once that its Pods get none.
func (w *injectionWatch) warn(asking []corev1.Namespace, injects bool, findings []diagnose.Finding) {
	if injects {
		w.warned = nil
		namespacesWithoutInjection.Set(0)
		return
	}
	namespacesWithoutInjection.Set(float64(len(asking)))
	told := map[string]bool{}
	for i := range asking {
		namespace := &asking[i]
		if told[namespace.Name] = true; !w.warned[namespace.Name] {
			w.events.NothingInjects(namespace, findings[0].Remedy)
		}
	}
	w.warned = told
}

// shippedInjection is what this version brings.
func shippedInjection() (shipped diagnose.InjectionObjects, err error) {
	if shipped.Policies, err = config.Policies(); err != nil {
		return shipped, err
	}
	if shipped.Bindings, err = config.Bindings(); err != nil {
		return shipped, err
	}
	shipped.Webhooks, err = config.Webhooks()
	return shipped, err
}
