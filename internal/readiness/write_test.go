package readiness_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/sluice-lb/sluice/internal/readiness"
)

// patched is one request as it went out.
type patched struct {
	SubResource string
	Type        types.PatchType
	Body        map[string]any
}

// server is a fake API server with one Pod; requests fills as patches come in.
func server(t *testing.T, pod *corev1.Pod, refuse error) (c client.Client, requests *[]patched) {
	t.Helper()
	requests = &[]patched{}
	c = fake.NewClientBuilder().WithObjects(pod).WithStatusSubresource(&corev1.Pod{}).WithInterceptorFuncs(interceptor.Funcs{
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
			data, err := patch.Data(object)
			if err != nil {
				return err
			}
			request := patched{SubResource: sub, Type: patch.Type()}
			if err := json.Unmarshal(data, &request.Body); err != nil {
				return err
			}
			*requests = append(*requests, request)
			if refuse != nil {
				return refuse
			}
			return c.SubResource(sub).Patch(ctx, object, patch, options...)
		},
	}).Build()
	return c, requests
}

func conditionedPod(conditions ...corev1.PodCondition) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1", UID: pod},
		Spec:       corev1.PodSpec{ReadinessGates: gatesOf(webGate, apiGate)},
		Status:     corev1.PodStatus{Conditions: conditions},
	}
}

func condition(name readiness.ConditionType, status corev1.ConditionStatus, reason string, since time.Time) corev1.PodCondition {
	return corev1.PodCondition{Type: corev1.PodConditionType(name), Status: status, Reason: reason, LastTransitionTime: metav1.NewTime(since)}
}

func TestWriteSendsOneRequestForAllGates(t *testing.T) {
	t.Parallel()
	foreign := condition("example.com/warm", corev1.ConditionTrue, "Warm", ago(time.Hour))
	before := condition(apiGate, corev1.ConditionFalse, "Elb.RegistrationInProgress", ago(time.Hour))
	object := conditionedPod(foreign, before)
	c, requests := server(t, object, nil)

	err := readiness.Writer{Status: c.Status()}.Write(t.Context(), object, []readiness.GateChange{
		opens(gate(webGate), "Healthy", ""),
		closes(shut(apiGate, "Elb.RegistrationInProgress", ""), "Target.Timeout", ""),
	}, now)
	if err != nil {
		t.Fatal(err)
	}

	// The UID makes a Pod of the same name that has replaced this one answer with a conflict.
	sent := []patched{{
		SubResource: "status", Type: types.StrategicMergePatchType,
		Body: map[string]any{
			"metadata": map[string]any{"uid": string(pod)},
			"status": map[string]any{"conditions": []any{
				map[string]any{"type": string(webGate), "status": "True", "reason": "Healthy", "lastProbeTime": nil, "lastTransitionTime": "2026-05-01T12:00:00Z"},
				map[string]any{"type": string(apiGate), "status": "False", "reason": "Target.Timeout", "lastProbeTime": nil, "lastTransitionTime": "2026-05-01T11:00:00Z"},
			}},
		},
	}}
	if diff := cmp.Diff(sent, *requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}

	// What others wrote stays; the transition time has moved with the status only.
	want := map[corev1.PodConditionType]corev1.PodCondition{}
	for _, c := range []corev1.PodCondition{
		foreign, condition(webGate, corev1.ConditionTrue, "Healthy", now), condition(apiGate, corev1.ConditionFalse, "Target.Timeout", ago(time.Hour)),
	} {
		want[c.Type] = c
	}
	var stored corev1.Pod
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(object), &stored); err != nil {
		t.Fatal(err)
	}
	for name, pod := range map[string]*corev1.Pod{"stored": &stored, "given": object} {
		if diff := cmp.Diff(want, byType(pod.Status.Conditions)); diff != "" {
			t.Errorf("conditions of the Pod that was %s (-want +got):\n%s", name, diff)
		}
	}
}

func byType(conditions []corev1.PodCondition) map[corev1.PodConditionType]corev1.PodCondition {
	out := map[corev1.PodConditionType]corev1.PodCondition{}
	for _, c := range conditions {
		out[c.Type] = c
	}
	return out
}

func TestWriteSendsNothingWithoutChanges(t *testing.T) {
	t.Parallel()
	object := conditionedPod()
	c, requests := server(t, object, nil)
	if err := (readiness.Writer{Status: c.Status()}).Write(t.Context(), object, nil, now); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]patched{}, *requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestWriteNamesThePodThatItCouldNotWriteTo(t *testing.T) {
	t.Parallel()
	object := conditionedPod()
	refusal := errors.New("the uid in the precondition does not match")
	c, _ := server(t, object, refusal)
	err := readiness.Writer{Status: c.Status()}.Write(t.Context(), object, []readiness.GateChange{opens(gate(webGate), "Healthy", "")}, now)
	if !errors.Is(err, refusal) {
		t.Fatalf("got %v, want the server's refusal wrapped", err)
	}
	if want := "writing the conditions of Pod shop/web-1: the uid in the precondition does not match"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if diff := cmp.Diff(conditionedPod().Status, object.Status); diff != "" {
		t.Errorf("the Pod given has changed all the same (-want +got):\n%s", diff)
	}
}
