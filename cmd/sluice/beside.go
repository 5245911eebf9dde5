package main

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// standAlone makes sure that no other controller acts beside this one. The incumbent
// keeps its Lease, which has the same name, in its own namespace, where leader election
// does not see it. A Lease that is renewed while it is watched is held; one that is only
// young was left behind by a process that has ended.
func standAlone(ctx context.Context, client kubernetes.Interface, name, namespace string) error {
	foreign, err := foreignLeases(ctx, client, name, namespace)
	if err != nil {
		return err
	}
	for _, before := range foreign {
		expires := expiry(before)
		if !time.Now().Before(expires) {
			continue
		}
		log.FromContext(ctx).Info("waiting to see whether another controller is alive", "lease", before.Namespace+"/"+name, "until", expires)
		select {
		case <-time.After(time.Until(expires)):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := stillHeld(ctx, client, name, before.Namespace); err != nil {
			return err
		}
	}
	return nil
}

func stillHeld(ctx context.Context, client kubernetes.Interface, name, namespace string) error {
	leases, err := foreignLeases(ctx, client, name, "")
	if err != nil {
		return err
	}
	for _, lease := range leases {
		if lease.Namespace == namespace && time.Now().Before(expiry(lease)) {
			return fmt.Errorf("another controller holds the Lease %s/%s and renews it (%s): two of them would undo each other's work; "+
				"stop that one, or let both use one namespace with --leader-election-namespace", namespace, name, holder(lease))
		}
	}
	return nil
}

func foreignLeases(ctx context.Context, client kubernetes.Interface, name, namespace string) ([]coordinationv1.Lease, error) {
	list, err := client.CoordinationV1().Leases("").List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		return nil, fmt.Errorf("looking for other controllers (Leases named %s): %w", name, err)
	}
	var foreign []coordinationv1.Lease
	for _, lease := range list.Items {
		if lease.Namespace != namespace && holder(lease) != "" {
			foreign = append(foreign, lease)
		}
	}
	return foreign, nil
}

func holder(lease coordinationv1.Lease) string {
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// expiry is when a Lease that is not renewed any more counts as free.
func expiry(lease coordinationv1.Lease) time.Time {
	if lease.Spec.RenewTime == nil || lease.Spec.LeaseDurationSeconds == nil {
		return time.Time{}
	}
	return lease.Spec.RenewTime.Add(time.Duration(*lease.Spec.LeaseDurationSeconds) * time.Second)
}
