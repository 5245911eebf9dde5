package controller

import (
	"context"
	"encoding/json"
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
	"github.com/sluice-lb/sluice/internal/preview"
)

// planOnly writes the plan of a stack to its first member, and changes nothing in AWS: a member
// asks for that.
func (c *stackController) planOnly(ctx context.Context, id model.StackID, m membership) error {
	planned, err := c.planned(ctx, id, m)
	if err != nil {
		return err
	}
	served := c.reportAll(ctx, m, ingress.Result{Stack: planned.Model, Problems: planned.Problems})
	for i, member := range m.members {
		text := ""
		if i == 0 {
			text = planText(planned, roomFor(member.Ingress))
		}
		written, err := c.writePlan(ctx, member.Ingress, text)
		if err != nil {
			return err
		}
		if written && text != "" {
			log.FromContext(ctx).Info("stack is planned, not applied", "stack", id.String(), "steps", len(planned.Steps))
			for _, object := range served {
				c.events.Planned(object, len(planned.Steps), nameOf(member.Ingress).String())
			}
		}
	}
	return nil
}

func (c *stackController) planned(ctx context.Context, id model.StackID, m membership) (plan.Preview, error) {
	release, err := c.takeShared(ctx) // the preview looks at what is shared, too
	if err != nil {
		return plan.Preview{}, err
	}
	defer release()
	of := preview.Cluster{Config: c.config.Build, BackendSecurityGroup: c.config.BackendSecurityGroup, Bindings: c.bindings(ctx, client.MatchingLabels(ingress.BindingLabels(id)))}
	return preview.Stack(ctx, c.cloud, of, ingress.Membership{ID: id, Members: m.members, Leaving: m.leaving})
}

// clearPlans takes away what a dry run has written, or the incumbent.
func (c *stackController) clearPlans(ctx context.Context, m membership) error {
	for _, object := range m.all() {
		if _, err := c.writePlan(ctx, object, ""); err != nil {
			return err
		}
	}
	return nil
}

// writePlan reports whether there was anything to write. No text takes the annotation away.
func (c *stackController) writePlan(ctx context.Context, object *networkingv1.Ingress, text string) (bool, error) {
	if object.Annotations[ingress.PlanKey] == text {
		return false, nil
	}
	before := object.DeepCopy()
	if text == "" {
		delete(object.Annotations, ingress.PlanKey)
	} else {
		metav1.SetMetaDataAnnotation(&object.ObjectMeta, ingress.PlanKey, text)
	}
	if err := c.client.Patch(ctx, object, client.MergeFrom(before)); err != nil {
		return false, client.IgnoreNotFound(fmt.Errorf("writing the plan of Ingress %s: %w", nameOf(object), err))
	}
	return true, nil
}

// mostAnnotations is what the API server takes of all annotations of an object together.
const mostAnnotations = 256 << 10

// roomFor is how long the plan may be beside an Ingress's other annotations, with some left for
// those that others may add.
func roomFor(object *networkingv1.Ingress) int {
	room := mostAnnotations / 2
	for key, value := range object.Annotations {
		if key != ingress.PlanKey {
			room -= len(key) + len(value)
		}
	}
	return room - len(ingress.PlanKey)
}

// planText is the plan in JSON, with as much of it as there is room for.
func planText(planned plan.Preview, room int) string {
	planned.Held = true
	text := ""
	for _, shorten := range []func(){
		func() {},
		func() { planned.Model = nil },
		func() {
			for i := range planned.Steps {
				planned.Steps[i].Fields, planned.Steps[i].Action = nil, nil
			}
		},
		func() {
			planned.Error = fmt.Sprintf("%d steps are too much for an annotation; see kubectl sluice plan --all", len(planned.Steps))
			planned.Steps, planned.Problems, planned.Ingresses, planned.Waits = nil, nil, nil, nil
		},
	} {
		shorten()
		written, err := json.Marshal(planned)
		if err != nil {
			panic("a plan is plain data and always marshals: " + err.Error())
		}
		if text = string(written); len(text) <= room {
			break
		}
	}
	return text
}
