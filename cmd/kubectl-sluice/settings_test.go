package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/sluice-lb/sluice/internal/build/flags"
)

func deployed(name, label string, arguments ...string) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: name, Labels: map[string]string{nameLabel: label}},
		Spec:       appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Args: arguments}}}}},
	}
}

// TestSettings: the controller's Deployment says, and the user more.
func TestSettings(t *testing.T) {
	t.Parallel()
	c := &cluster{typed: fake.NewClientset(
		deployed("sluice-webhook", "sluice", "webhook", "--webhook-bind-port=9443"),
		deployed("alb", "aws-load-balancer-controller", "--cluster-name=prod", "--aws-vpc-id=vpc-1", "--default-tags=team=a", "--external-managed-tags=x,y", "--enable-shield=false", "--log-level=debug"),
	)}
	said := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(flags.Flags).Add(said)
	if err := said.Parse([]string{"--aws-vpc-id=vpc-2", "--external-managed-tags=z"}); err != nil {
		t.Fatal(err)
	}
	got, err := c.settings(t.Context(), said, controllers)
	if err != nil {
		t.Fatal(err)
	}
	if got.Cluster != "prod" || got.VPC != "vpc-2" || got.from != "kube-system/alb" {
		t.Errorf("cluster %s, VPC %s, from %s", got.Cluster, got.VPC, got.from)
	}
	if diff := cmp.Diff([]string{"z"}, got.ExternalTags); diff != "" {
		t.Errorf("external tags (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"team": "a"}, got.Build().DefaultTags); diff != "" {
		t.Errorf("default tags (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"--enable-shield=false"}, got.foreign); diff != "" {
		t.Errorf("foreign (-want +got):\n%s", diff)
	}

	nobody := &cluster{typed: fake.NewClientset()}
	if _, err := nobody.settings(t.Context(), pflag.NewFlagSet("", pflag.ContinueOnError), controllers); err == nil || !strings.Contains(err.Error(), "--cluster-name and --aws-vpc-id are not known") {
		t.Errorf("without a Deployment: %v", err)
	}
}
