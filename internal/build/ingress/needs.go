package ingress

import (
	"slices"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/build"
)

// Needs are the facts that a stack is built from and that cost calls of their own: a
// snapshot holds them only where they are needed.
type Needs struct {
	// Backend: the security group that all load balancers share.
	Backend bool
	// SecurityGroups, Certificates of the snapshot's network.
	SecurityGroups, Certificates bool
	// TargetGroups that actions give by name.
	TargetGroups []string
}

// Needed reads off the members what their stack will be built from.
func Needed(members []Member, config build.Config) Needs {
	var needs Needs
	named, managed, said := false, config.ManageBackendRules, false
	for _, member := range members {
		needs.TargetGroups = append(needs.TargetGroups, TargetGroupNames(member.Ingress)...)
		set := annotations.New(member.Ingress.Annotations, nil).Under(overrides(member.Class.Params))
		named = named || len(set.StringList("security-groups")) > 0
		if manage, err := set.Bool(manageRules, false); err == nil && set.Has(manageRules) && !said {
			managed, said = manage, true
		}
		ports, _ := set.ListenPorts() // what cannot be read is a problem of the build
		for _, port := range ports {
			needs.Certificates = needs.Certificates || port.Protocol == https && len(set.StringList("certificate-arn")) == 0
		}
	}
	slices.Sort(needs.TargetGroups)
	needs.TargetGroups = slices.Compact(needs.TargetGroups)
	needs.SecurityGroups = named
	needs.Backend = !config.NoBackendSecurityGroup && (!named || managed)
	return needs
}
