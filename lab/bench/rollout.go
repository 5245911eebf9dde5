package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// RolloutReport is what Rollout measured.
type RolloutReport struct {
	Seconds float64 `json:"seconds"`
	// Ideal is the sum over the new Pods of what nobody can hasten: from created to containers ready, and from registered
	// to healthy.
	Ideal float64 `json:"ideal"`
	Ratio float64 `json:"ratio"`
}

// WriteJSON writes the report as one line of JSON.
func (r *RolloutReport) WriteJSON(out io.Writer) error { return json.NewEncoder(out).Encode(r) }

// WriteText writes the report for people.
func (r *RolloutReport) WriteText(out io.Writer) error {
	_, err := fmt.Fprintf(out, "%.1f s, of which %.1f s are containers and health checks: %.2f times as long as it must be\n", r.Seconds, r.Ideal, r.Ratio)
	return err
}

// rolled is how many Pods a rollout replaces, one at a time.
const rolled = 30

// Rollout measures a rolling update with maxSurge 1 and maxUnavailable 0.
func Rollout(ctx context.Context, config Config) (*RolloutReport, error) {
	return run(ctx, config, (*bench).rollout)
}

func (b *bench) rollout(ctx context.Context) (*RolloutReport, error) {
	if err := b.gateScene(ctx, 1, rolled); err != nil {
		return nil, err
	}
	if err := b.awaitRolledOut(ctx); err != nil {
		return nil, err
	}
	pods, err := b.watchPods(ctx)
	if err != nil {
		return nil, err
	}
	b.say("rolling %d Pods", rolled)
	began := time.Now()
	patch := fmt.Appendf(nil, `{"spec":{"template":{"metadata":{"annotations":{"bench":%q}}}}}`, began.String())
	if _, err := b.client.AppsV1().Deployments(namespace).Patch(ctx, groupName(0), types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return nil, err
	}
	list, err := b.awaitOpen(ctx, pods, began, rolled)
	if err != nil {
		return nil, err
	}
	var ideal, last time.Duration
	for _, m := range list {
		ideal += m.containersReady.Sub(m.created) + m.healthy.Sub(m.registered)
		last = max(last, m.open.Sub(began))
	}
	return &RolloutReport{
		Seconds: last.Round(time.Millisecond).Seconds(), Ideal: ideal.Round(time.Millisecond).Seconds(), Ratio: float64(last.Milliseconds()*1000/ideal.Milliseconds()) / 1000,
	}, nil
}

func (b *bench) awaitRolledOut(ctx context.Context) error {
	return b.await(ctx, func(ctx context.Context) (string, error) {
		web, err := b.client.AppsV1().Deployments(namespace).Get(ctx, groupName(0), metav1.GetOptions{})
		if err != nil || done(web) {
			return "", err
		}
		return fmt.Sprintf("%d of %d Pods are Ready", web.Status.ReadyReplicas, rolled), nil
	})
}

func done(d *appsv1.Deployment) bool {
	return d.Status.ObservedGeneration == d.Generation && d.Status.ReadyReplicas == rolled && d.Status.UpdatedReplicas == rolled
}
