package controller

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// Reasons of events; those of the incumbent where the meaning is the same.
const (
	reasonReconciled    = "SuccessfullyReconciled"
	reasonPlanned       = "Planned"
	reasonBuildFailed   = "FailedBuildModel"
	reasonDeployFailed  = "FailedDeployModel"
	reasonBindingFailed = "FailedReconcile"
	reasonRulesFailed   = "FailedNetworkReconcile"
	reasonCleanupFailed = "FailedCleanup"
	reasonNoBackend     = "BackendNotFound"
	reasonNodesLeftOut  = "NodesLeftOut"
	reasonDrifted       = "DriftFound"
	reasonHeld          = "DeletionHeld"
	reasonTargetsHeld   = "DeregistrationHeld"
	reasonTargetsKept   = "TargetsKept"
	reasonGateOpened    = "ReadinessGateOpened"
	reasonBadAnnotation = "InvalidAnnotation"
	reasonTargetWaits   = "TargetNotHealthy"
	reasonNoInjection   = "NothingInjects"
	reasonSwitched      = "SwitchedAtOnce"
	reasonCutShort      = "DrainCutShort"
)

// longestNote is what the API server takes in an event's note.
const longestNote = 1024

// Events makes the events that people see. One method an event; the recorder counts
// repetitions instead of writing them anew.
type Events struct {
	recorder events.EventRecorder
}

func (e Events) emit(object runtime.Object, kind, reason, action, note string) {
	if len(note) > longestNote {
		note = note[:longestNote-3] + "..."
	}
	e.recorder.Eventf(object, nil, kind, reason, action, "%s", note)
}

// Problem tells what a user got wrong, on the object that is wrong.
func (e Events) Problem(object runtime.Object, problem model.Problem) {
	note := problem.String()
	if !problem.Warning {
		note += " (nothing is changed until then)"
	}
	e.emit(object, corev1.EventTypeWarning, problem.Reason, "Build", note)
}

// DeployFailed tells that AWS or Kubernetes did not take a step.
func (e Events) DeployFailed(object runtime.Object, err error) {
	e.emit(object, corev1.EventTypeWarning, reasonDeployFailed, "Deploy", err.Error())
}

// Reconciled tells that a stack is as it should be, after something was changed.
func (e Events) Reconciled(object runtime.Object, steps int) {
	e.emit(object, corev1.EventTypeNormal, reasonReconciled, "Deploy", fmt.Sprintf("load balancer is up to date after %d changes", steps))
}

// Planned tells that a member of a load balancer's group asks for its plan alone.
func (e Events) Planned(object runtime.Object, steps int, first string) {
	e.emit(object, corev1.EventTypeNormal, reasonPlanned, "Plan", fmt.Sprintf("%d steps are planned and not run: they are in the annotation %s of Ingress %s; remove %s to run them",
		steps, ingress.PlanKey, first, annotations.Prefix+"dry-run"))
}

// BindingFailed tells that targets could not be brought up to date.
func (e Events) BindingFailed(object runtime.Object, err error) {
	e.emit(object, corev1.EventTypeWarning, reasonBindingFailed, "Register", err.Error())
}

// CleanupFailed tells that the targets of a binding that is being deleted could not be taken out.
func (e Events) CleanupFailed(object runtime.Object, err error) {
	e.emit(object, corev1.EventTypeWarning, reasonCleanupFailed, "Deregister", err.Error())
}

// RulesFailed tells that a load balancer cannot be let in to an endpoint.
func (e Events) RulesFailed(object runtime.Object, err error) {
	e.emit(object, corev1.EventTypeWarning, reasonRulesFailed, "Open", err.Error())
}

// BackendNotFound tells that a binding's Service or its port does not exist.
func (e Events) BackendNotFound(object runtime.Object, message string) {
	e.emit(object, corev1.EventTypeWarning, reasonNoBackend, "Register", message)
}

// BindingRefused tells that a binding cannot be served as it is written.
func (e Events) BindingRefused(object runtime.Object, message string) {
	e.emit(object, corev1.EventTypeWarning, reasonBindingFailed, "Register", message+" (nothing is changed until then)")
}

// NodesLeftOut tells that nodes cannot be targets.
func (e Events) NodesLeftOut(object runtime.Object, message string) {
	e.emit(object, corev1.EventTypeWarning, reasonNodesLeftOut, "Register", message)
}

// TargetsReconciled tells that a target group has the targets that it should have, after
// something was changed.
func (e Events) TargetsReconciled(object runtime.Object, message string) {
	e.emit(object, corev1.EventTypeNormal, reasonReconciled, "Register", message)
}

// Drifted tells that somebody else has changed the load balancer.
func (e Events) Drifted(object runtime.Object, steps string) {
	e.emit(object, corev1.EventTypeWarning, reasonDrifted, "Deploy", "somebody else has changed the load balancer; this puts it back: "+steps)
}

// Held tells that a deletion waits for a person.
func (e Events) Held(object runtime.Object, err error) {
	e.emit(object, corev1.EventTypeWarning, reasonHeld, "Delete", err.Error())
}

// TargetsHeld tells that targets stay although no endpoint stands for them.
func (e Events) TargetsHeld(object runtime.Object, message string) {
	e.emit(object, corev1.EventTypeWarning, reasonTargetsHeld, "Deregister", message)
}

// TargetsKept tells that a binding went and its targets did not.
func (e Events) TargetsKept(object runtime.Object, message string) {
	e.emit(object, corev1.EventTypeNormal, reasonTargetsKept, "Delete", message)
}

// GateOpened tells on the Pod that a gate has opened, and why.
func (e Events) GateOpened(pod *corev1.Pod, change readiness.GateChange) {
	e.emit(pod, corev1.EventTypeNormal, reasonGateOpened, "Gate", fmt.Sprintf("%s: %s", change.Type, change.Message))
}

// NothingInjects tells on a namespace that its Pods do not get the gates that it asks for.
func (e Events) NothingInjects(namespace *corev1.Namespace, remedy string) {
	e.emit(namespace, corev1.EventTypeWarning, reasonNoInjection, "Gate", "the namespace asks for readiness gates, and nothing gives them to its new Pods: "+remedy)
}

// BadAnnotation tells what is wrong with a Pod's annotations.
func (e Events) BadAnnotation(pod *corev1.Pod, complaint string) {
	e.emit(pod, corev1.EventTypeWarning, reasonBadAnnotation, "Gate", complaint)
}

// TargetWaits tells on the Pod that its target fails, with AWS's own words.
func (e Events) TargetWaits(pod *corev1.Pod, change readiness.GateChange) {
	e.emit(pod, corev1.EventTypeWarning, reasonTargetWaits, "Gate", fmt.Sprintf("%s stays closed: %s (%s)", change.Type, change.Message, change.Reason))
}

// DrainCutShort tells on a Pod that is ending that requests may have been lost.
func (e Events) DrainCutShort(pod *corev1.Pod, why string) {
	e.emit(pod, corev1.EventTypeWarning, reasonCutShort, "Drain", "requests may have been lost: "+why)
}

// SwitchedAtOnce tells that requests go to a target group that is not known to serve them.
func (e Events) SwitchedAtOnce(object runtime.Object, group model.Key) {
	e.emit(object, corev1.EventTypeWarning, reasonSwitched, "Deploy", fmt.Sprintf(
		"target group %s gets requests although its targets are not all healthy: it was waited for as long as may be, or could not be attached before", group.Resource()))
}

func asCloudError(err error) (*cloud.Error, bool) { return errors.AsType[*cloud.Error](err) }
