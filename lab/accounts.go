package lab

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-lb/sluice/config"
	"github.com/sluice-lb/sluice/internal/iam"
	"github.com/sluice-lb/sluice/lab/manifest"
)

// accountOf is the service account of a mode's controller. In a cluster there is one mode and one
// account; a lab has controllers of all modes, and each has the rights of its own.
func accountOf(mode iam.Mode) string {
	if mode == iam.Full {
		return "sluice"
	}
	return "sluice-" + string(mode)
}

// AccountsOfModes are config/modes with names that differ.
func AccountsOfModes() (all []*unstructured.Unstructured, err error) {
	for _, mode := range []iam.Mode{iam.GatesOnly, iam.Observe} {
		text, err := config.Files.ReadFile("modes/" + string(mode) + ".yaml")
		if err != nil {
			return nil, err
		}
		objects, err := manifest.Decode(text)
		if err != nil {
			return nil, fmt.Errorf("config/modes/%s.yaml: %w", mode, err)
		}
		for _, object := range objects {
			renamed(object.Object, accountOf(mode))
			all = append(all, object)
		}
	}
	return all, nil
}

// renamed gives an object, and those that it refers to, the name of another account.
func renamed(object map[string]any, account string) {
	rename := func(in any) {
		if fields, ok := in.(map[string]any); ok {
			if name, ok := fields["name"].(string); ok {
				fields["name"] = strings.Replace(name, "sluice", account, 1)
			}
		}
	}
	rename(object["metadata"])
	rename(object["roleRef"])
	if subjects, ok := object["subjects"].([]any); ok {
		for _, subject := range subjects {
			rename(subject)
		}
	}
}

// writeAccounts writes a kubeconfig for each mode's controller.
func (l *Lab) writeAccounts(ctx context.Context) error {
	for _, mode := range iam.Modes() {
		if err := l.cluster.WriteServiceAccountKubeconfig(ctx, l.dir.controllerKubeconfigOf(mode), "kube-system", accountOf(mode)); err != nil {
			return err
		}
	}
	return l.awaitRights(ctx)
}

// awaitRights waits until the API server knows the rights of all controllers: it takes up roles a
// moment after they are stored, and what is refused until then would be taken for a right that is
// missing.
func (l *Lab) awaitRights(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(l.cluster.Admin)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	for _, mode := range iam.Modes() {
		for _, right := range []authorizationv1.ResourceAttributes{ // one of the ClusterRole, one of the Role
			{Verb: "watch", Resource: "pods"}, {Verb: "create", Group: "coordination.k8s.io", Resource: "leases", Namespace: "kube-system"},
		} {
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User: "system:serviceaccount:kube-system:" + accountOf(mode), ResourceAttributes: &right,
			}}
			for {
				got, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
				if err == nil && got.Status.Allowed {
					break
				}
				select {
				case <-ctx.Done():
					return fmt.Errorf("the API server gives %s no rights after %s: %w", accountOf(mode), settleWithin, cmp.Or(err, ctx.Err()))
				case <-time.After(20 * time.Millisecond):
				}
			}
		}
	}
	return nil
}
