package bench

import (
	"context"
	_ "embed" // for scene.yaml
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/lab/manifest"
)

const (
	namespace = "bench"
	pods      = 2
	creators  = 10 // Ingresses that are created side by side
)

//go:embed scene.yaml
var sceneManifest []byte

func (b *bench) bringUp(ctx context.Context) (*Report, error) {
	if err := b.scene(ctx); err != nil {
		return nil, err
	}
	if _, err := b.admin.Calls(ctx, true); err != nil {
		return nil, err
	}
	b.say("creating %d Ingresses", b.config.Ingresses)
	began := time.Now()
	if err := b.create(ctx); err != nil {
		return nil, err
	}
	var calls []localaws.Call
	err := b.await(ctx, func(ctx context.Context) (missing string, err error) {
		calls, missing, err = b.missing(ctx)
		return missing, err
	})
	if err != nil {
		return nil, fmt.Errorf("bringing up %d Ingresses: %w", b.config.Ingresses, err)
	}
	return newReport(b.config.Ingresses, calls, time.Since(began)), b.verify(ctx)
}

// scene makes the Service and waits until its Pods are Ready.
func (b *bench) scene(ctx context.Context) error {
	objects, err := manifest.Decode(sceneManifest)
	if err != nil {
		return err
	}
	applier, err := manifest.NewApplier(b.rest)
	if err != nil {
		return err
	}
	if err := applier.Apply(ctx, objects); err != nil {
		return err
	}
	return b.await(ctx, func(ctx context.Context) (string, error) {
		web, err := b.client.AppsV1().Deployments(namespace).Get(ctx, "web", metav1.GetOptions{})
		if err != nil || web.Status.ReadyReplicas == pods {
			return "", err
		}
		return fmt.Sprintf("%d of %d Pods are Ready", web.Status.ReadyReplicas, pods), nil
	})
}

func (b *bench) create(ctx context.Context) error {
	var all sync.WaitGroup
	failed := make([]error, b.config.Ingresses)
	slots := make(chan struct{}, creators)
	for i := range b.config.Ingresses {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			_, failed[i] = b.client.NetworkingV1().Ingresses(namespace).Create(ctx, b.config.join(i, ingress(i)), metav1.CreateOptions{})
		})
	}
	all.Wait()
	return errors.Join(failed...)
}

func ingress(i int) *networkingv1.Ingress {
	backend := networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "web", Port: networkingv1.ServiceBackendPort{Number: 80}}}
	return &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{
			Name: ingressName(i), Namespace: namespace,
			Annotations: map[string]string{"alb.ingress.kubernetes.io/scheme": "internet-facing", "alb.ingress.kubernetes.io/target-type": "ip"},
		},
		Spec: networkingv1.IngressSpec{
			IngressClassName: new("alb"),
			Rules: []networkingv1.IngressRule{{
				Host: fmt.Sprintf("web-%04d.example.com", i),
				IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
					Paths: []networkingv1.HTTPIngressPath{{Path: "/", PathType: new(networkingv1.PathTypePrefix), Backend: backend}},
				}},
			}},
		},
	}
}

// missing returns the calls until now and what is not up. Pods were Ready before there was an
// Ingress, so each target group takes both at once; verify looks whether it did.
func (b *bench) missing(ctx context.Context) ([]localaws.Call, string, error) {
	list, err := b.client.NetworkingV1().Ingresses(namespace).List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, "", err
	}
	named := 0
	for i := range list.Items {
		if len(list.Items[i].Status.LoadBalancer.Ingress) > 0 {
			named++
		}
	}
	calls, err := b.admin.Calls(ctx, false)
	if err != nil {
		return nil, "", err
	}
	registered := 0
	for _, c := range calls {
		if c.Operation == "RegisterTargets" && c.Result == "ok" {
			registered += c.Count
		}
	}
	if named == b.config.Ingresses && registered >= b.config.Ingresses {
		return calls, "", nil
	}
	return calls, fmt.Sprintf("%d of %d Ingresses have a hostname, %d registrations, %d calls", named, b.config.Ingresses, registered, total(calls)), nil
}

// verify asks AWS itself, after the count.
func (b *bench) verify(ctx context.Context) error {
	client := elbv2.New(elbv2.Options{
		BaseEndpoint: &b.endpoint, Region: "us-west-2",
		Credentials: credentials.NewStaticCredentialsProvider("AKIASLUICEBENCH00000", "not-a-secret", ""),
	})
	groups := 0
	pages := elbv2.NewDescribeTargetGroupsPaginator(client, &elbv2.DescribeTargetGroupsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("looking at target groups: %w", err)
		}
		for _, group := range page.TargetGroups {
			health, err := client.DescribeTargetHealth(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: group.TargetGroupArn})
			if err != nil {
				return fmt.Errorf("looking at the targets of %s: %w", *group.TargetGroupName, err)
			}
			if n := len(health.TargetHealthDescriptions); n != pods {
				return fmt.Errorf("target group %s has %d targets where %d were awaited, so the count ended too early", *group.TargetGroupName, n, pods)
			}
			groups++
		}
	}
	if groups != b.config.Ingresses {
		return fmt.Errorf("AWS has %d target groups for %d Ingresses", groups, b.config.Ingresses)
	}
	return nil
}
