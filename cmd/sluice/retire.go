package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-lb/sluice/internal/retire"
)

// runRetire is `kubectl sluice release -A` for those who have no kubectl: a hook that runs
// before the controller is uninstalled.
func runRetire(ctx context.Context, arguments []string) error {
	flags := pflag.NewFlagSet("sluice retire", pflag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "kubeconfig file; empty: the service account of the Pod")
	timeout := flags.Duration("timeout", 5*time.Minute, "how long to go on at most, such as 5m")
	flags.Usage = func() {
		fmt.Fprintf(os.Stderr, `sluice retire takes away what injects readiness gates and opens every gate that is closed, in all
namespaces, so that no Pod waits for a controller that has gone. Load balancers and targets stay.
It may be run in the middle of a rollout, and again.

Usage:
  sluice retire [flags]

Flags:
%s`, flags.FlagUsages())
	}
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if len(flags.Args()) > 0 {
		return fmt.Errorf("unexpected argument %q: sluice retire takes flags only", flags.Arg(0))
	}
	if *timeout <= 0 {
		return fmt.Errorf("flag --timeout=%s: give a duration above 0, such as 5m", *timeout)
	}
	config, err := restConfig(*kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("setting up the Kubernetes client: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	return retire.Release(ctx, client, metav1.NamespaceAll, os.Stdout)
}
