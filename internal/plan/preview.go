package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/model"
)

// Preview is what would be done about one stack, as people and machines read it.
type Preview struct {
	// Stack is its ID: "namespace/name" of an Ingress, the name of a group, or empty for what
	// all load balancers share.
	Stack string `json:"stack"`
	// Ingresses of the stack in their order, "namespace/name".
	Ingresses []string `json:"ingresses,omitempty"`
	// Error says why there is no plan.
	Error string `json:"error,omitempty"`
	// Problems of the Ingresses. Those that are no warnings take an Ingress out.
	Problems []model.Problem `json:"problems,omitempty"`
	// Waits are target groups that get their first requests only once they can serve them.
	Waits []model.Key `json:"waits,omitempty"`
	// Held: an annotation asks for the plan alone.
	Held bool `json:"held,omitempty"`
	// Model is what is wanted; nil where no Ingress of the stack can be served.
	Model *model.Stack `json:"model,omitempty"`
	Steps []Told       `json:"steps,omitempty"`
}

// Failed reports whether something is wrong that keeps an Ingress, or all of it, from being served.
func (p Preview) Failed() bool {
	return p.Error != "" || slices.ContainsFunc(p.Problems, func(p model.Problem) bool { return !p.Warning })
}

// marks of effects.
var marks = map[Effect]string{Creates: "+", Changes: "~", Replaces: "±", Deletes: "-"}

// String renders the plan for a terminal: problems first, then the steps in their order.
func (p Preview) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s\n", p.title(), p.summary())
	if p.Error != "" {
		fmt.Fprintf(&text, "  ! %s\n", p.Error)
	}
	for _, problem := range p.Problems {
		mark := "!"
		if problem.Warning {
			mark = "?"
		}
		fmt.Fprintf(&text, "  %s %s\n", mark, problem)
	}
	for i, step := range p.Steps {
		fmt.Fprintf(&text, "  %3d. %s %s\n", i+1, marks[step.Effect], step.sentence())
		for _, field := range step.Fields {
			fmt.Fprintf(&text, "         %s\n", field)
		}
	}
	for _, key := range p.Waits {
		fmt.Fprintf(&text, "  target group %s gets its first requests once its targets are healthy\n", key.Resource())
	}
	return text.String()
}

func (p Preview) title() string {
	switch {
	case p.Stack == "":
		return "what all load balancers share"
	case strings.Contains(p.Stack, "/"):
		return "load balancer of Ingress " + p.Stack
	}
	return fmt.Sprintf("load balancer of group %s (%s)", p.Stack, cmp.Or(strings.Join(p.Ingresses, ", "), "no Ingress"))
}

// summary counts steps by what they mean.
func (p Preview) summary() string {
	switch {
	case p.Error != "":
		return "no plan"
	case len(p.Steps) == 0 && p.Model == nil && p.Failed():
		return "cannot be served; what there is stays as it is"
	case len(p.Steps) == 0:
		return "no change"
	}
	counts := map[Effect]int{}
	for _, step := range p.Steps {
		counts[step.Effect]++
	}
	var parts []string
	for _, effect := range []Effect{Creates, Changes, Replaces, Deletes} {
		if counts[effect] > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", counts[effect], effect))
		}
	}
	held := ""
	if p.Held {
		held = "; none is run while an Ingress asks for the plan alone (annotation dry-run)"
	}
	return fmt.Sprintf("%d steps (%s)%s", len(p.Steps), strings.Join(parts, ", "), held)
}

// sentence is the step without the values that its fields show.
func (t Told) sentence() string {
	if len(t.Fields) == 0 {
		return t.Step.String()
	}
	before, _, _ := strings.Cut(t.Why, ": ")
	short := t.Step
	short.Why = before
	return short.String()
}

// String is the field as a person reads a change.
func (f Field) String() string {
	switch {
	case f.Old == "":
		return fmt.Sprintf("+ %s: %s", f.Name, f.New)
	case f.New == "":
		return fmt.Sprintf("- %s: %s", f.Name, f.Old)
	}
	return fmt.Sprintf("~ %s: %s → %s", f.Name, f.Old, f.New)
}
