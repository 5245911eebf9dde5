package lab

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-lb/sluice/lab/address"
)

// Injection is what gives Pods their gates and their drain.
type Injection string

// The injections. Empty is ByPolicies.
const (
	ByPolicies  Injection = "policies"
	ByWebhook   Injection = "webhook"
	NoInjection Injection = "none"
)

// webhookName is that of the namespace and the service account in config/webhook.
const webhookName = "sluice-webhook"

// ParseInjection takes the words of the flag.
func ParseInjection(text string) (Injection, error) {
	switch injection := Injection(text); injection {
	case ByPolicies, ByWebhook, NoInjection:
		return injection, nil
	}
	return "", fmt.Errorf("%q is none of policies, webhook, none", text)
}

// folders of config/ that it needs.
func (i Injection) folders() []string {
	switch i {
	case NoInjection:
		return nil
	case ByWebhook:
		return []string{"webhook"}
	default:
		return []string{"policies"}
	}
}

// startInjection returns when a Pod that is created now would have been given what it asks for.
func (l *Lab) startInjection(ctx context.Context) error {
	if l.config.Injection == ByWebhook {
		return l.startWebhook(ctx)
	}
	return l.awaitPolicies(ctx) // the lab's users bring policies of their own, too
}

// redirectWebhook has the API server ask a process of this machine: the cluster cannot run an
// image that is a real program. What would run it in a cluster is left out.
func (l *Lab) redirectWebhook(objects []*unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	local, err := netip.ParseAddr("127.0.0.1") // "localhost" is what the certificate says
	if err != nil {
		return nil, err
	}
	if l.webhookPort, err = address.FreePort(local, 0); err != nil {
		return nil, err
	}
	var kept []*unstructured.Unstructured
	for _, object := range objects {
		switch object.GetKind() {
		case "Deployment", "Service", "PodDisruptionBudget":
			continue
		case "MutatingWebhookConfiguration":
			if err := redirect(object, l.webhookPort); err != nil {
				return nil, err
			}
		}
		kept = append(kept, object)
	}
	return kept, nil
}

// redirect puts a URL in the place of the Service, for each webhook.
func redirect(configuration *unstructured.Unstructured, port int) error {
	webhooks, _, err := unstructured.NestedSlice(configuration.Object, "webhooks")
	if err != nil {
		return err
	}
	for _, one := range webhooks {
		webhook := one.(map[string]any)
		path, found, err := unstructured.NestedString(webhook, "clientConfig", "service", "path")
		if err != nil || !found {
			return fmt.Errorf("webhook %v of config/webhook names no Service with a path: %w", webhook["name"], err)
		}
		webhook["clientConfig"] = map[string]any{"url": "https://localhost:" + strconv.Itoa(port) + path}
	}
	return unstructured.SetNestedSlice(configuration.Object, webhooks, "webhooks")
}

func (l *Lab) startWebhook(ctx context.Context) error {
	if err := l.cluster.WriteServiceAccountKubeconfig(ctx, l.dir.WebhookKubeconfig(), webhookName, webhookName); err != nil {
		return err
	}
	listen, err := l.freeAddresses(2)
	if err != nil {
		return err
	}
	l.webhook = &process{
		name: "webhook", env: append(withoutAWS(), l.config.ControllerEnv...), health: listen[1], say: l.say, done: make(chan struct{}),
		log: l.dir.log("webhook"), pid: l.dir.WebhookPID(),
		command: []string{
			l.binary, "webhook", "--kubeconfig=" + l.dir.WebhookKubeconfig(), "--webhook-bind-host=127.0.0.1",
			"--webhook-bind-port=" + strconv.Itoa(l.webhookPort), "--webhook-dns-names=localhost", "--shutdown-delay=0s",
			"--metrics-bind-addr=" + listen[0], "--health-probe-bind-addr=" + listen[1],
		},
	}
	l.webhook.start(ctx)
	if err := l.webhook.waitReady(ctx); err != nil {
		return err
	}
	if err := l.awaitWebhook(ctx); err != nil {
		return err
	}
	l.say("the webhook is ready")
	return nil
}

// awaitWebhook makes a Pod again and again, without storing it, until the webhook has had it: the
// API server takes up the webhook's authority a moment after it has been written.
func (l *Lab) awaitWebhook(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(l.cluster.Admin)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	probe := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: probeName, Annotations: map[string]string{"sluice.dev/drain": "auto"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "probe", Image: "probe"}}},
	}
	for {
		got, err := client.CoreV1().Pods(metav1.NamespaceDefault).Create(ctx, probe, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err == nil && got.Annotations["sluice.dev/injected-drain"] != "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the API server does not ask the webhook (%w); see %s", context.Cause(ctx), l.webhook.log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
