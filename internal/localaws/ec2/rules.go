package ec2

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// rule is one security group rule: one direction, one range of ports, one peer.
type rule struct {
	number      int
	id          string
	egress      bool
	description string
	ruleKey
}

// ruleKey is what makes two rules the same. Exactly one of the peers is set.
type ruleKey struct {
	protocol                       string
	from, to                       int
	cidr, cidr6, prefixList, group string
}

func (k ruleKey) String() string {
	peer := k.cidr + k.cidr6 + k.prefixList + k.group
	if k.protocol == "-1" {
		return fmt.Sprintf("peer: %s, ALL, ALLOW", peer)
	}
	return fmt.Sprintf("peer: %s, %s, from port: %d, to port: %d, ALLOW", peer, strings.ToUpper(k.protocol), k.from, k.to)
}

type authorizeInput struct {
	GroupID     string             `form:"GroupId" required:"true"`
	Permissions []permission       `form:"IpPermissions"`
	Tags        []TagSpecification `form:"TagSpecification"`
	DryRun      bool

	// the older way to give one rule
	Protocol string `form:"IpProtocol"`
	FromPort *int
	ToPort   *int
	CIDR     string `form:"CidrIp"`
}

func (in authorizeInput) permissions() ([]permission, error) {
	if in.CIDR != "" {
		return []permission{{Protocol: in.Protocol, FromPort: in.FromPort, ToPort: in.ToPort, Ranges: []ipRange{{CIDR: in.CIDR}}}}, nil
	}
	if len(in.Permissions) == 0 {
		return nil, wire.Errorf("MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.")
	}
	return in.Permissions, nil
}

type rulesOutput struct {
	Return bool         `xml:"return"`
	Rules  []ruleOutput `xml:"securityGroupRuleSet>item"`
}

func (n *Network) authorizeIngress(in authorizeInput) (rulesOutput, error) {
	return n.authorize(in, false)
}

func (n *Network) authorizeEgress(in authorizeInput) (rulesOutput, error) {
	return n.authorize(in, true)
}

// authorize adds all rules of a call, or none.
func (n *Network) authorize(in authorizeInput, egress bool) (rulesOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	g := n.findGroup(in.GroupID)
	if in.DryRun {
		return rulesOutput{}, errDryRun
	}
	if g == nil {
		return rulesOutput{}, groupNotFound(in.GroupID)
	}
	tags, err := tagsFor("security-group-rule", in.Tags)
	if err != nil {
		return rulesOutput{}, err
	}
	permissions, err := in.permissions()
	if err != nil {
		return rulesOutput{}, err
	}
	rules, err := n.rulesOf(permissions)
	if err != nil {
		return rulesOutput{}, err
	}
	if err := n.checkNewRules(g, rules, egress); err != nil {
		return rulesOutput{}, err
	}
	out := rulesOutput{Return: true}
	for _, r := range rules {
		r.number, r.id, r.egress = n.next(), n.newID("sgr"), egress
		g.rules = append(g.rules, r)
		n.setTags(r.id, tags)
		out.Rules = append(out.Rules, n.ruleOutput(g, r))
	}
	return out, nil
}

func (n *Network) checkNewRules(g *securityGroup, rules []*rule, egress bool) error {
	have := map[ruleKey]bool{}
	for _, r := range g.rules {
		if r.egress == egress {
			have[r.ruleKey] = true
		}
	}
	for _, r := range rules {
		if have[r.ruleKey] {
			return wire.Errorf("InvalidPermission.Duplicate", "the specified rule %q already exists", r.ruleKey)
		}
		have[r.ruleKey] = true
	}
	if len(have) > n.limits[quota.RulesPerSecurityGroup] {
		return wire.Errorf("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
	}
	return nil
}

type revokeInput struct {
	authorizeInput
	RuleIDs []string `form:"SecurityGroupRuleId"`
}

type revokeOutput struct {
	Return  bool         `xml:"return"`
	Revoked []ruleOutput `xml:"revokedSecurityGroupRuleSet>item"`
}

func (n *Network) revokeIngress(in revokeInput) (revokeOutput, error) { return n.revoke(in, false) }
func (n *Network) revokeEgress(in revokeInput) (revokeOutput, error)  { return n.revoke(in, true) }

// revoke removes all rules of a call, or none.
func (n *Network) revoke(in revokeInput, egress bool) (revokeOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	g := n.findGroup(in.GroupID)
	if in.DryRun {
		return revokeOutput{}, errDryRun
	}
	if g == nil {
		return revokeOutput{}, groupNotFound(in.GroupID)
	}
	doomed, err := n.rulesToRevoke(g, in, egress)
	if err != nil {
		return revokeOutput{}, err
	}
	out := revokeOutput{Return: true}
	for _, r := range doomed {
		out.Revoked = append(out.Revoked, n.ruleOutput(g, r))
		delete(n.tags, r.id)
	}
	g.rules = slices.DeleteFunc(g.rules, func(r *rule) bool { return slices.Contains(doomed, r) })
	return out, nil
}

func (n *Network) rulesToRevoke(g *securityGroup, in revokeInput, egress bool) ([]*rule, error) {
	var doomed []*rule
	for _, id := range in.RuleIDs {
		r := g.rule(id)
		if r == nil || r.egress != egress {
			return nil, ruleNotFound(id)
		}
		doomed = append(doomed, r)
	}
	if len(in.RuleIDs) > 0 && len(in.Permissions) == 0 && in.CIDR == "" {
		return doomed, nil
	}
	permissions, err := in.permissions()
	if err != nil {
		return nil, err
	}
	wanted, err := n.rulesOf(permissions)
	if err != nil {
		return nil, err
	}
	for _, w := range wanted {
		r := find(g.rules, func(r *rule) bool { return r.egress == egress && r.ruleKey == w.ruleKey })
		if r == nil {
			return nil, wire.Errorf("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		doomed = append(doomed, r)
	}
	return doomed, nil
}

func ruleNotFound(id string) error {
	return wire.Errorf("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", id)
}

type referencedGroup struct {
	GroupID string `xml:"groupId"`
	UserID  string `xml:"userId"`
}

type ruleOutput struct {
	ID           string           `xml:"securityGroupRuleId"`
	ARN          string           `xml:"securityGroupRuleArn"`
	GroupID      string           `xml:"groupId"`
	GroupOwnerID string           `xml:"groupOwnerId"`
	Egress       bool             `xml:"isEgress"`
	Protocol     string           `xml:"ipProtocol"`
	FromPort     int              `xml:"fromPort"`
	ToPort       int              `xml:"toPort"`
	CIDR         string           `xml:"cidrIpv4,omitempty"`
	CIDR6        string           `xml:"cidrIpv6,omitempty"`
	PrefixList   string           `xml:"prefixListId,omitempty"`
	Referenced   *referencedGroup `xml:"referencedGroupInfo"`
	Description  string           `xml:"description,omitempty"`
	Tags         []Tag            `xml:"tagSet>item"`
}

func (n *Network) ruleOutput(g *securityGroup, r *rule) ruleOutput {
	out := ruleOutput{
		ID: r.id, ARN: n.arn("security-group-rule/" + r.id), GroupID: g.id, GroupOwnerID: n.account, Egress: r.egress,
		Protocol: r.protocol, FromPort: r.from, ToPort: r.to, CIDR: r.cidr, CIDR6: r.cidr6, PrefixList: r.prefixList,
		Description: r.description, Tags: n.tagSet(r.id),
	}
	if r.group != "" {
		out.Referenced = &referencedGroup{GroupID: r.group, UserID: n.account}
	}
	return out
}

// groupRule is a rule with the group that it is in.
type groupRule struct {
	*rule
	of *securityGroup
}

type describeRulesInput struct {
	IDs []string `form:"SecurityGroupRuleId"`
	Query
}

type describeRulesOutput struct {
	Rules     []ruleOutput `xml:"securityGroupRuleSet>item"`
	NextToken string       `xml:"nextToken,omitempty"`
}

var ruleKind = kind[groupRule]{
	number: func(r groupRule) int { return r.number },
	id:     func(r groupRule) string { return r.id },
	properties: properties[groupRule]{
		"group-id":               one(func(r groupRule) string { return r.of.id }),
		"security-group-rule-id": one(func(r groupRule) string { return r.id }),
	},
}

func (n *Network) describeRules(in describeRulesInput) (describeRulesOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []groupRule
	for _, g := range n.groups {
		for _, r := range g.rules {
			all = append(all, groupRule{rule: r, of: g})
		}
	}
	slices.SortFunc(all, func(a, b groupRule) int { return a.number - b.number })
	page, next, err := list(n, ruleKind, all, in.IDs, ruleNotFound, in.Query)
	out := describeRulesOutput{NextToken: next}
	for _, r := range page {
		out.Rules = append(out.Rules, n.ruleOutput(r.of, r.rule))
	}
	return out, err
}
