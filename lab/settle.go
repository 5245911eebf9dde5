package lab

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-lb/sluice/config"
	"github.com/sluice-lb/sluice/lab/manifest"
)

// settleWithin bounds the wait for the nodes; they are ready after a few seconds.
const settleWithin = 90 * time.Second

// applyConfig brings in what the repository's config/ holds: definitions, rights, class, injection.
func (l *Lab) applyConfig(ctx context.Context) error {
	if l.config.Bare {
		return nil
	}
	folders := append([]string{"crd", "rbac", "validation", "ingressclass"}, l.config.Injection.folders()...)
	objects, err := manifest.DecodeFolders(config.Files, folders)
	if err != nil {
		return err
	}
	accounts, err := AccountsOfModes()
	if err != nil {
		return err
	}
	objects = append(objects, accounts...)
	if l.config.Injection == ByWebhook {
		if objects, err = l.redirectWebhook(objects); err != nil {
			return err
		}
	}
	applier, err := manifest.NewApplier(l.cluster.Admin)
	if err != nil {
		return err
	}
	if err := applier.Apply(ctx, objects); err != nil {
		return err
	}
	if err := applier.AwaitDefinitions(ctx, objects); err != nil {
		return err
	}
	l.say("what config/ holds is applied: %s", strings.Join(folders, ", "))
	return nil
}

// waitNodes returns when Pods can be scheduled: every node Ready, and the default namespace has the
// service account without which it takes no Pod.
func (l *Lab) waitNodes(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(l.cluster.Admin)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	for {
		missing, err := l.missing(ctx, client)
		if err == nil && missing == "" {
			l.say("%d nodes are ready", len(l.nodes))
			return nil
		}
		select {
		case ended := <-l.cluster.Ended:
			return ended
		case <-ctx.Done():
			return fmt.Errorf("after %s %s; see %s", settleWithin, missing, l.dir.log("kubernetes"))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (l *Lab) missing(ctx context.Context, client kubernetes.Interface) (string, error) {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return "the API server does not answer", err
	}
	ready := 0
	for _, node := range nodes.Items {
		if isReady(node) {
			ready++
		}
	}
	if ready < len(l.nodes) {
		return fmt.Sprintf("%d of %d nodes are ready", ready, len(l.nodes)), nil
	}
	_, err = client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "the default service account is missing", nil
	}
	return "", err
}

func isReady(node corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
