// Package plan compares what should be with what is.
//
// What comes in: the desired [model.Stack] and the [model.Observed] one. What goes
// out: [Step] values in the order in which they must run (create before use, switch,
// then delete), each with the keys that it needs and a sentence that says why. The
// package does no I/O and knows neither ARNs nor clients: a step names resources by
// key, and whoever applies it looks the key up in a table that fills on the way.
// What `kubectl sluice plan` prints and what the controller runs are the same steps.
//
//	steps := plan.Steps(want, have, plan.Options{})
//	for _, step := range steps {
//		fmt.Println(step) // create target group k8s-shop-cart-0123456789: is wanted and does not exist
//	}
//
// A replacement is three steps (create, switch, delete). A second plan over the
// result of the first is empty.
package plan
