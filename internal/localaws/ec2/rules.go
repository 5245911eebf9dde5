package ec2

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
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

type ipRange struct {
	CIDR        string `form:"CidrIp" xml:"cidrIp"`
	Description string `xml:"description,omitempty"`
}

type ipv6Range struct {
	CIDR        string `form:"CidrIpv6" xml:"cidrIpv6"`
	Description string `xml:"description,omitempty"`
}

type prefixListRange struct {
	ID          string `form:"PrefixListId" xml:"prefixListId"`
	Description string `xml:"description,omitempty"`
}

type groupPair struct {
	GroupID     string `form:"GroupId" xml:"groupId"`
	UserID      string `form:"UserId" xml:"userId"`
	VPCID       string `form:"VpcId" xml:"vpcId,omitempty"`
	Description string `xml:"description,omitempty"`
}

// permission is rules with the same protocol and ports, as calls and answers group them.
type permission struct {
	Protocol    string            `form:"IpProtocol" xml:"ipProtocol" required:"true"`
	FromPort    *int              `xml:"fromPort"`
	ToPort      *int              `xml:"toPort"`
	Groups      []groupPair       `xml:"groups>item"`
	Ranges      []ipRange         `form:"IpRanges" xml:"ipRanges>item"`
	Ranges6     []ipv6Range       `form:"Ipv6Ranges" xml:"ipv6Ranges>item"`
	PrefixLists []prefixListRange `form:"PrefixListIds" xml:"prefixListIds>item"`
}

// permissions groups the rules of one direction, in the order in which each group of ports first came.
func (n *Network) permissions(g *securityGroup, egress bool) []permission {
	type ports struct {
		protocol string
		from, to int
	}
	at := map[ports]int{}
	var out []permission
	for _, r := range g.rules {
		if r.egress != egress {
			continue
		}
		key := ports{r.protocol, r.from, r.to}
		i, ok := at[key]
		if !ok {
			i, at[key] = len(out), len(out)
			out = append(out, permission{Protocol: r.protocol})
			if r.protocol != "-1" {
				out[i].FromPort, out[i].ToPort = new(r.from), new(r.to)
			}
		}
		n.addPeer(&out[i], r)
	}
	return out
}

func (n *Network) addPeer(p *permission, r *rule) {
	switch {
	case r.cidr != "":
		p.Ranges = append(p.Ranges, ipRange{CIDR: r.cidr, Description: r.description})
	case r.cidr6 != "":
		p.Ranges6 = append(p.Ranges6, ipv6Range{CIDR: r.cidr6, Description: r.description})
	case r.prefixList != "":
		p.PrefixLists = append(p.PrefixLists, prefixListRange{ID: r.prefixList, Description: r.description})
	default:
		p.Groups = append(p.Groups, groupPair{GroupID: r.group, UserID: n.account, Description: r.description})
	}
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

// rulesOf takes permissions apart into rules, one for each peer.
func (n *Network) rulesOf(permissions []permission) ([]*rule, error) {
	var rules []*rule
	for _, p := range permissions {
		base, err := p.ports()
		if err != nil {
			return nil, err
		}
		count := len(rules)
		for _, r := range p.Ranges {
			cidr, err := canonicalCIDR(r.CIDR, true)
			if err != nil {
				return nil, err
			}
			rules = append(rules, &rule{description: r.Description, ruleKey: base.with(ruleKey{cidr: cidr})})
		}
		for _, r := range p.Ranges6 {
			cidr, err := canonicalCIDR(r.CIDR, false)
			if err != nil {
				return nil, err
			}
			rules = append(rules, &rule{description: r.Description, ruleKey: base.with(ruleKey{cidr6: cidr})})
		}
		for _, r := range p.PrefixLists {
			rules = append(rules, &rule{description: r.Description, ruleKey: base.with(ruleKey{prefixList: r.ID})})
		}
		for _, r := range p.Groups {
			if n.findGroup(r.GroupID) == nil {
				return nil, groupNotFound(r.GroupID)
			}
			rules = append(rules, &rule{description: r.Description, ruleKey: base.with(ruleKey{group: r.GroupID})})
		}
		if len(rules) == count {
			return nil, wire.Errorf("MissingParameter", "The request must contain a source or destination for each permission")
		}
	}
	return rules, nil
}

// with returns the ports of k with the peer of another key.
func (k ruleKey) with(peer ruleKey) ruleKey {
	peer.protocol, peer.from, peer.to = k.protocol, k.from, k.to
	return peer
}

var protocolNames = map[string]string{"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "all": "-1"}

// ports checks protocol and port range and gives them their one form.
func (p permission) ports() (ruleKey, error) {
	protocol := strings.ToLower(p.Protocol)
	if name, ok := protocolNames[protocol]; ok {
		protocol = name
	}
	switch protocol {
	case "-1":
		return ruleKey{protocol: "-1", from: -1, to: -1}, nil
	case "tcp", "udp":
		return p.portRange(protocol)
	case "icmp", "icmpv6":
		key := ruleKey{protocol: protocol, from: -1, to: -1}
		if p.FromPort != nil {
			key.from = *p.FromPort
		}
		if p.ToPort != nil {
			key.to = *p.ToPort
		}
		return key, nil
	}
	if number, err := strconv.Atoi(protocol); err == nil && 0 <= number && number <= 255 {
		return ruleKey{protocol: protocol, from: -1, to: -1}, nil
	}
	return ruleKey{}, wire.Errorf("InvalidParameterValue", "Invalid value '%s' for IP protocol. Unknown protocol.", p.Protocol)
}

func (p permission) portRange(protocol string) (ruleKey, error) {
	const maxPort = 65535
	if p.FromPort == nil || p.ToPort == nil {
		return ruleKey{}, wire.Errorf("InvalidParameterValue", "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
	}
	from, to := *p.FromPort, *p.ToPort
	if from < 0 || to > maxPort || from > to {
		return ruleKey{}, wire.Errorf("InvalidParameterValue", "Invalid TCP/UDP port range (%d:%d)", from, to)
	}
	return ruleKey{protocol: protocol, from: from, to: to}, nil
}

func canonicalCIDR(text string, v4 bool) (string, error) {
	cidr, err := netip.ParsePrefix(text)
	if err != nil || cidr.Addr().Is4() != v4 {
		return "", wire.Errorf("InvalidParameterValue", "CIDR block %s is malformed", text)
	}
	if cidr != cidr.Masked() {
		return "", wire.Errorf("InvalidParameterValue", "CIDR block %s is malformed: its host part is not zero (%s would be right)", text, cidr.Masked())
	}
	return cidr.String(), nil
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
