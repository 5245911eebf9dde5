package main

import (
	"bytes"
	"fmt"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/sluice-lb/sluice/config"
)

// account is the controller's, as config/rbac makes it.
const account = "system:serviceaccount:kube-system:sluice"

// rights asks whether the service account may do all that this version's manifests say.
func (i *inspection) rights() {
	rules, err := wantedRules()
	if err != nil {
		i.read("the wanted rights", err)
		return
	}
	for _, rule := range rules {
		for _, attributes := range attributesOf(rule) {
			review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: account, Groups: groups, ResourceAttributes: &attributes}}
			answer, err := i.typed.AuthorizationV1().SubjectAccessReviews().Create(i.ctx, review, metav1.CreateOptions{})
			if err != nil {
				i.read("the rights of "+account, err)
				return
			}
			if !answer.Status.Allowed {
				i.snapshot.Lacks = append(i.snapshot.Lacks, sentence(attributes))
			}
		}
	}
}

// groups of every service account in that namespace.
var groups = []string{"system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"}

// wantedRules are those of the controller's ClusterRole.
func wantedRules() ([]rbacv1.PolicyRule, error) {
	text, err := config.Files.ReadFile("rbac/rbac.yaml")
	if err != nil {
		return nil, err
	}
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var role rbacv1.ClusterRole
		if err := yaml.Unmarshal(document, &role); err != nil {
			return nil, fmt.Errorf("reading rbac.yaml: %w", err)
		}
		if role.Kind == "ClusterRole" && role.Name == "sluice" {
			return role.Rules, nil
		}
	}
	return nil, fmt.Errorf("rbac.yaml has no ClusterRole sluice")
}

// attributesOf are the single rights of a rule.
func attributesOf(rule rbacv1.PolicyRule) []authorizationv1.ResourceAttributes {
	names := rule.ResourceNames
	if len(names) == 0 {
		names = []string{""}
	}
	var all []authorizationv1.ResourceAttributes
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			kind, part, _ := strings.Cut(resource, "/")
			for _, verb := range rule.Verbs {
				for _, name := range names {
					all = append(all, authorizationv1.ResourceAttributes{Group: group, Resource: kind, Subresource: part, Verb: verb, Name: name})
				}
			}
		}
	}
	return all
}

func sentence(a authorizationv1.ResourceAttributes) string {
	resource := a.Resource
	if a.Subresource != "" {
		resource += "/" + a.Subresource
	}
	if a.Group != "" {
		resource += "." + a.Group
	}
	return strings.TrimSpace(a.Verb + " " + resource + " " + a.Name)
}
