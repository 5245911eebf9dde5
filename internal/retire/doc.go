// Package retire ends the work of readiness gates: nothing injects them any more, and those
// that are closed are opened, so that no Pod waits for a controller that has gone.
//
// A client of the cluster and a namespace come in; what was done is written for a person to
// read. It needs no running controller and knows nothing of AWS. Load balancers, targets and
// draining stay as they are: they hold no Pod back.
//
//	err := retire.Release(ctx, client, metav1.NamespaceAll, os.Stdout)
package retire
