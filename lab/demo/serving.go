package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-lb/sluice/internal/localaws"
)

// serving is how a side is reached, once it is.
type serving struct {
	dnsName string
	target  target
}

// awaitServing returns when the side's Deployment is complete and its load balancer gives good
// answers in a row.
func awaitServing(ctx context.Context, client kubernetes.Interface, admin localaws.Admin, s side) (serving, error) {
	var found serving
	err := await(ctx, serveWithin, func(ctx context.Context) (string, error) {
		var missing string
		var err error
		if found, missing, err = reach(ctx, client, admin, s); missing != "" || err != nil {
			return missing, err
		}
		deployment, err := client.AppsV1().Deployments(s.deployment.Namespace).Get(ctx, s.deployment.Name, metav1.GetOptions{})
		if err != nil {
			return "", err
		}
		if missing = incomplete(deployment); missing != "" {
			return missing, nil
		}
		return answersWell(ctx, found.target), nil
	})
	if err != nil {
		return found, fmt.Errorf("waiting for Ingress %s to serve: %w", s.ingress, err)
	}
	return found, nil
}

func reach(ctx context.Context, client kubernetes.Interface, admin localaws.Admin, s side) (found serving, missing string, err error) {
	ingress, err := client.NetworkingV1().Ingresses(s.ingress.Namespace).Get(ctx, s.ingress.Name, metav1.GetOptions{})
	if err != nil {
		return found, "", err
	}
	for _, balancer := range ingress.Status.LoadBalancer.Ingress {
		found.dnsName = balancer.Hostname
	}
	if found.dnsName == "" {
		return found, "the Ingress has no load balancer in its status; kubectl describe ingress may say why", nil
	}
	addresses, err := admin.Addresses(ctx)
	if err != nil {
		return found, "", err
	}
	for _, address := range addresses {
		if strings.EqualFold(address.DNSName, found.dnsName) {
			found.target = target{address: address.Address, host: s.host, path: s.path}
			if s.host == "" {
				found.target.host = found.dnsName
			}
			return found, "", nil
		}
	}
	return found, "the load balancer " + found.dnsName + " is still being provisioned", nil
}

// answersWell sends some requests; the first bad answer says what is missing.
func answersWell(ctx context.Context, t target) string {
	probe := newLoad(t, time.Now())
	defer probe.client.CloseIdleConnections()
	for range 10 {
		if reason := probe.request(ctx); reason != "" {
			return "the load balancer answers with " + reason
		}
	}
	return ""
}

// await asks twice a second until nothing is missing. Errors of the API server pass, or the time
// does; the last one is then told.
func await(ctx context.Context, within time.Duration, ask func(context.Context) (missing string, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	last := "nothing is known"
	for {
		missing, err := ask(ctx)
		switch {
		case ctx.Err() != nil: // keep what was last known
		case err != nil:
			last = err.Error()
		case missing == "":
			return nil
		default:
			last = missing
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("after %s: %s", within, last)
			}
			return context.Cause(ctx)
		case <-time.After(500 * time.Millisecond):
		}
	}
}
