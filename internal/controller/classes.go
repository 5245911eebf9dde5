package controller

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/model"
)

// classes are what decides which Ingresses are ours, as the caches have them.
func (v *view) classes(ctx context.Context) ingress.Classes {
	classes := ingress.Classes{
		Flag: v.config.IngressClass, Params: map[string]*v1beta1.IngressClassParams{},
		Labels: func(namespace string) map[string]string {
			var object corev1.Namespace
			if err := v.Get(ctx, client.ObjectKey{Name: namespace}, &object); err != nil {
				return nil
			}
			return object.Labels
		},
	}
	var list networkingv1.IngressClassList
	var params v1beta1.IngressClassParamsList
	if v.List(ctx, &list) == nil { // the cache does not fail once it has synced
		classes.Classes = list.Items
	}
	if v.List(ctx, &params) != nil {
		return classes // classes that refer to some are broken then, and their Ingresses keep what they have
	}
	for i := range params.Items {
		classes.Params[params.Items[i].Name] = &params.Items[i]
	}
	return classes
}

// class decides whether an Ingress is ours, and what its class says.
func (v *view) class(ctx context.Context, object *networkingv1.Ingress) (ingress.Class, bool) {
	return v.classes(ctx).Of(object)
}

// inGroup are the Ingresses that may belong to a stack, and perhaps some that do not: those
// that say so themselves, and those of a class that says so for all of its Ingresses.
func (v *view) inGroup(ctx context.Context, id model.StackID, classes ingress.Classes, options ...client.ListOption) ([]networkingv1.Ingress, error) {
	var all []networkingv1.Ingress
	known := map[client.ObjectKey]bool{}
	find := func(field, value string) error {
		var list networkingv1.IngressList
		if err := v.List(ctx, &list, append(options, client.MatchingFields{field: value})...); err != nil {
			return err
		}
		for i := range list.Items {
			if name := nameOf(&list.Items[i]); !known[name] {
				known[name] = true
				all = append(all, list.Items[i])
			}
		}
		return nil
	}
	if err := find(ingressesByGroup, id.String()); err != nil {
		return nil, err
	}
	for _, class := range classes.InGroup(id) {
		if err := find(ingressesByClass, class); err != nil {
			return nil, err
		}
	}
	return all, nil
}
