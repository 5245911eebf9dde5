package ingress

import (
	"slices"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/model"
)

// Needs are the facts that a stack is built from and that cost calls of their own: a
// snapshot holds them only where they are needed.
type Needs struct {
	// Backend: the security group that all load balancers share.
	Backend bool
	// Around is what the snapshot's network must hold.
	Around model.Surroundings
}

// Needed reads off the members what their stack will be built from.
func Needed(members []Member, config build.Config) Needs {
	needs := Needs{Around: model.Surroundings{Authorities: len(config.AllowedAuthorities) > 0}}
	named, managed, said := false, config.ManageBackendRules, false
	for _, member := range members {
		needs.Around.TargetGroups = append(needs.Around.TargetGroups, TargetGroupNames(member.Ingress)...)
		set := annotations.New(member.Ingress.Annotations, nil).Under(overrides(member.Class.Params))
		named = named || len(set.StringList("security-groups")) > 0
		if manage, err := set.Bool(manageRules, false); err == nil && set.Has(manageRules) && !said {
			managed, said = manage, true
		}
		ports, _ := set.ListenPorts() // what cannot be read is a problem of the build
		for _, port := range ports {
			needs.Around.Certificates = needs.Around.Certificates || port.Protocol == https && len(set.StringList("certificate-arn")) == 0
		}
	}
	slices.Sort(needs.Around.TargetGroups)
	needs.Around.TargetGroups = slices.Compact(needs.Around.TargetGroups)
	needs.Around.SecurityGroups = named
	needs.Backend = !config.NoBackendSecurityGroup && (!named || managed)
	return needs
}
