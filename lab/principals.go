package lab

import (
	"strings"

	"github.com/sluice-lb/sluice/internal/iam"
	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/localaws/policy"
	"github.com/sluice-lb/sluice/lab/rights"
)

// personsKey is that of people and tests, who may do everything.
const personsKey = "AKIASLUICELAB0000000"

// accessKeys are those of controllers, who may do what the policy of their mode says.
var accessKeys = map[iam.Mode]string{
	iam.Full:      "AKIASLUICEFULL000000",
	iam.GatesOnly: "AKIASLUICEGATES00000",
	iam.Observe:   "AKIASLUICEOBSERVE000",
}

// partition is the one whose policies the lab enforces.
const partition = "aws"

// rolesOfBindings are those that bindings of the lab may name.
const rolesOfBindings = "arn:aws:iam::*:role/e2e-*"

// Policies are the documents that the lab's AWS enforces, by the names that rights.Call has for whoever they are for.
func Policies() (map[string][]policy.Document, error) {
	assume, err := policy.Parse("assume-role", iam.AssumeRole(rolesOfBindings))
	if err != nil {
		return nil, err
	}
	role, err := policy.Parse("role", iam.Role(partition))
	if err != nil {
		return nil, err
	}
	documents := map[string][]policy.Document{rights.RoleOfBinding: {role}}
	for _, mode := range iam.Modes() {
		document, err := policy.Parse(string(mode), iam.Policy(mode, partition))
		if err != nil {
			return nil, err
		}
		documents[string(mode)] = []policy.Document{document, assume}
	}
	return documents, nil
}

// principals are the controllers, one a mode.
func principals() (map[string]localaws.Principal, error) {
	documents, err := Policies()
	if err != nil {
		return nil, err
	}
	all := map[string]localaws.Principal{}
	for mode, key := range accessKeys {
		all[key] = localaws.Principal{ARN: rights.PrincipalARN(string(mode)), Policies: documents[string(mode)], Roles: documents[rights.RoleOfBinding]}
	}
	return all, nil
}

// modeOf reads the mode off a controller's flags; the last holds.
func modeOf(flags []string) iam.Mode {
	mode := iam.Full
	for _, flag := range flags {
		if text, found := strings.CutPrefix(flag, "--mode="); found {
			mode = iam.Mode(text)
		}
	}
	return mode
}
