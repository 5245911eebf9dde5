package ingress

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/internal/model"
)

// Membership is who belongs to a stack, and who did.
type Membership struct {
	ID      model.StackID
	Members []Member // in order
	// Leaving bear the stack's finalizer and belong to it no more: they are deleted, or of
	// another class or group now.
	Leaving []*networkingv1.Ingress
}

// Memberships sorts all Ingresses of a cluster into their stacks, by ID. Who belongs to none,
// because nobody can say to which, is told by a problem.
func Memberships(classes Classes, ingresses []networkingv1.Ingress, services []corev1.Service) ([]Membership, []model.Problem) {
	known := map[string]*corev1.Service{}
	for i := range services {
		known[services[i].Namespace+"/"+services[i].Name] = &services[i]
	}
	stacks := map[model.StackID]*Membership{}
	stack := func(id model.StackID) *Membership {
		if stacks[id] == nil {
			stacks[id] = &Membership{ID: id}
		}
		return stacks[id]
	}
	var problems []model.Problem
	for i := range ingresses {
		object := &ingresses[i]
		class, ours := classes.Of(object)
		group, err := Group(object, class)
		belongs := ours && err == nil && object.DeletionTimestamp == nil
		switch {
		case belongs:
			s := stack(group)
			s.Members = append(s.Members, Member{Ingress: object, Class: class, Services: servicesOf(object, known)})
		case ours && err != nil && object.DeletionTimestamp == nil:
			problems = append(problems, model.Problem{
				Object: objectOf("Ingress", object.Namespace, object.Name), Field: "metadata.annotations",
				Reason: "FailedLoadGroupID", Message: err.Error(), Remedy: "it is in no group until then",
			})
		case !ours && class.Problem != nil:
			problems = append(problems, *class.Problem)
		}
		for _, id := range Borne(object) {
			if !belongs || id != group {
				s := stack(id)
				s.Leaving = append(s.Leaving, object)
			}
		}
	}
	var all []Membership
	for _, s := range stacks {
		SortMembers(s.Members)
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Membership) int { return strings.Compare(a.ID.String(), b.ID.String()) })
	return all, problems
}

func servicesOf(object *networkingv1.Ingress, known map[string]*corev1.Service) map[string]*corev1.Service {
	out := map[string]*corev1.Service{}
	for _, backend := range Backends(object) {
		if service := known[object.Namespace+"/"+backend.Service]; service != nil {
			out[backend.Service] = service
		}
	}
	return out
}
