package bench

import (
	"context"
	"fmt"
	"syscall"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	leaseName = "aws-load-balancer-controller-leader"
	// quiet is how long nothing may be said to AWS until that was the last call.
	quiet = 10 * time.Second
)

func (b *bench) restart(ctx context.Context) (*Report, error) {
	b.say("waiting until AWS hears nothing for %s", quiet)
	if _, _, err := b.awaitQuiet(ctx); err != nil {
		return nil, err
	}
	before, err := b.lease(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.endController(); err != nil {
		return nil, err
	}
	if _, err := b.admin.Calls(ctx, true); err != nil {
		return nil, err
	}
	b.say("the controller ends; waiting for its successor")
	var acquired time.Time
	err = b.await(ctx, func(ctx context.Context) (string, error) {
		now, err := b.lease(ctx)
		if err != nil {
			return "", err
		}
		if now.HolderIdentity == nil || *now.HolderIdentity == "" || *now.HolderIdentity == *before.HolderIdentity || now.AcquireTime == nil {
			return "nobody has acquired the lease", nil
		}
		acquired = now.AcquireTime.Time
		return "", nil
	})
	if err != nil {
		return nil, err
	}
	calls, last, err := b.awaitQuiet(ctx)
	if err != nil {
		return nil, err
	}
	return newReport(b.config.Ingresses, calls, max(0, last.Sub(acquired))), nil
}

func (b *bench) lease(ctx context.Context) (coordinationv1.LeaseSpec, error) {
	lease, err := b.client.CoordinationV1().Leases("kube-system").Get(ctx, leaseName, metav1.GetOptions{})
	if err != nil {
		return coordinationv1.LeaseSpec{}, fmt.Errorf("reading the controller's lease: %w", err)
	}
	return lease.Spec, nil
}

// endController asks the controller to end, as a rolling update does; the lab starts another.
func (b *bench) endController() error {
	controller, err := b.controllerProcess()
	if err != nil {
		return err
	}
	return syscall.Kill(int(controller), syscall.SIGTERM)
}
