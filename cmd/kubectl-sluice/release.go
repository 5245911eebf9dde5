package main

import (
	"context"
	"errors"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sluice-lb/sluice/internal/retire"
)

// release is retire.Release where the flags say; which must be said, for it holds nothing back.
func release(ctx context.Context, flags clientcmd.ClientConfig, named, everywhere bool, out io.Writer) error {
	if named == everywhere {
		return errors.New("release where? Write: kubectl sluice release -n NAMESPACE, or -A for all namespaces")
	}
	cluster, err := connect(flags)
	if err != nil {
		return err
	}
	if everywhere {
		cluster.namespace = metav1.NamespaceAll
	}
	return retire.Release(ctx, cluster.typed, cluster.namespace, out)
}
