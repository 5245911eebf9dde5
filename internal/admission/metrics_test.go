package admission

import (
	"context"
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/internal/readiness"
)

// lacking answers every question for a list of gates with an error.
type lacking struct {
	client.Reader
	err error
}

func (r lacking) Get(_ context.Context, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	if namespace, ok := object.(*corev1.Namespace); ok {
		namespace.Labels = map[string]string{readiness.InjectLabel: "enabled"}
		return nil
	}
	return r.err
}

// A namespace without a list is as it should be; one whose list cannot be read is not, and is
// counted. Not parallel: the metric is one for all.
func TestOnlyAListThatCannotBeReadCounts(t *testing.T) {
	absent := apierrors.NewNotFound(schema.GroupResource{Resource: "readinessgatesets"}, "sluice")
	for err, want := range map[error]float64{absent: 0, errors.New("the API server does not answer"): 1} {
		before := testutil.ToFloat64(answers.WithLabelValues("gates", degraded))
		webhook := NewGatesWebhook(lacking{err: err}, lacking{err: err})
		if _, err := webhook.gates(t.Context(), &corev1.Pod{}, "shop"); err != nil {
			t.Fatal(err)
		}
		if got := testutil.ToFloat64(answers.WithLabelValues("gates", degraded)) - before; got != want {
			t.Errorf("%v: counted %v times, want %v", err, got, want)
		}
	}
}
