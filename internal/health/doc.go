// Package health knows what AWS says of targets, and when to ask again.
//
// AWS sends no event when a target becomes healthy, and a whole account may ask about
// ten times a second. So the question is when to ask. [Book] remembers which address
// is registered for which Pod and the last answer about it; [Schedule] is pure and
// says which target group to ask about next, and when; [Watcher] is the loop between
// the two. One answer serves all waiting Pods of a target group.
//
//	book.Registered(group, targets, time.Now()) // told by registration
//	watcher.Await("shop/web-1", waits)          // told by readiness: these targets hold a gate
//	…                                           // the watcher asks, the book has the answer,
//	                                            // and notify(group) says that something changed
package health
