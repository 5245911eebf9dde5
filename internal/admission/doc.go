// Package admission gives new Pods their readiness gates and their drain, where the API
// server has no admission policies that do it.
//
// A Pod that is being created comes in, with its namespace and the namespace's list of
// gates; the Pod as it shall be goes out, and the patch that makes it so. The rules are
// those of config/policies: one table of cases (config/testdata/admission) serves both.
// What was done already is not done again, so policies and webhook may both be there.
//
//	after := admission.Gates(pod, namespace, set.Spec.Gates)
//	patch := admission.Patch(pod, after)
//
// Nothing in here may keep a Pod from being created: whatever goes wrong, the Pod is
// allowed as it is, and what went wrong is logged and counted.
package admission
