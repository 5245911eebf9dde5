package retire

import (
	"context"
	"fmt"
	"io"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// settled: the API server takes a moment to stop injecting, so Pods are looked at until
// none with a closed gate has come for this long.
const settled = 3 * time.Second

// Release ends injection and opens every closed gate, in one namespace or, with
// [metav1.NamespaceAll], in all. It goes on until no Pod with a closed gate has come for
// three seconds, so that it may be run in the middle of a rollout. Done again, it does
// what is left to do.
func Release(ctx context.Context, client kubernetes.Interface, namespace string, out io.Writer) error {
	if err := stopInjection(ctx, client, namespace, out); err != nil {
		return err
	}
	opened := 0
	for quiet := time.Now(); time.Since(quiet) < settled; {
		n, err := openAll(ctx, client, namespace)
		if err != nil {
			return err
		}
		if opened += n; n > 0 {
			quiet = time.Now()
			fmt.Fprintf(out, "opened the gates of %d Pods\n", opened)
		}
		select {
		case <-time.After(settled / 6):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	where := "namespace " + namespace
	if namespace == metav1.NamespaceAll {
		where = "any namespace"
	}
	_, err := fmt.Fprintf(out, "no Pod of %s is held back by a gate of Sluice\n", where)
	return err
}
