// Package cloud is the only room that speaks to AWS.
//
// What comes in: a stack's ID, steps of a plan, targets to register, target groups to
// ask about. What goes out: the observed state as model values, and errors that have
// a [Kind]. Nothing above it sees an SDK type. It decides nothing: what to change is
// the plan's business, when to try again the controller's.
//
// Three things hold for every call: it is handed out by one budget (AWS allows about
// ten calls a second to a whole account), it has a deadline, and it is one attempt.
// What AWS has is kept in an inventory that fills from a few paged calls and follows
// every step that is applied, so that an unchanged stack costs no call.
//
//	have, err := aws.Observe(ctx, stack)
//	for _, step := range plan.Steps(stack, have, plan.Options{}) {
//		if err := aws.Apply(ctx, stack.ID, step); err != nil { … cloud.KindOf(err) … }
//	}
package cloud
