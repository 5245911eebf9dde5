package ec2

import (
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

const defaultGroupName = "default"

type securityGroup struct {
	number                int
	id, name, description string
	vpc                   *vpc
	rules                 []*rule // in the order in which they were authorized
}

func (g *securityGroup) rule(id string) *rule {
	return find(g.rules, func(r *rule) bool { return r.id == id })
}

// addGroup makes a group that lets everything out, as every new one does.
func (n *Network) addGroup(v *vpc, id, name, description string) *securityGroup {
	g := &securityGroup{number: n.next(), id: id, name: name, description: description, vpc: v}
	g.rules = []*rule{{number: n.next(), id: n.newID("sgr"), egress: true, ruleKey: ruleKey{protocol: "-1", from: -1, to: -1, cidr: "0.0.0.0/0"}}}
	n.groups = append(n.groups, g)
	return g
}

type createGroupInput struct {
	Name        string             `form:"GroupName" required:"true" range:"1,255"`
	Description string             `form:"GroupDescription" required:"true" range:"1,255"`
	VPCID       string             `form:"VpcId" required:"true"`
	Tags        []TagSpecification `form:"TagSpecification"`
	DryRun      bool
}

type createGroupOutput struct {
	GroupID string `xml:"groupId"`
	ARN     string `xml:"securityGroupArn"`
	Tags    []Tag  `xml:"tagSet>item"`
}

func (n *Network) createGroup(in createGroupInput) (createGroupOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	tags, err := n.checkNewGroup(in)
	if err != nil {
		return createGroupOutput{}, err
	}
	g := n.addGroup(n.findVPC(in.VPCID), n.newID("sg"), in.Name, in.Description)
	n.setTags(g.id, tags)
	return createGroupOutput{GroupID: g.id, ARN: n.arn("security-group/" + g.id), Tags: n.tagSet(g.id)}, nil
}

func (n *Network) checkNewGroup(in createGroupInput) (tags map[string]string, err error) {
	if in.DryRun {
		return nil, errDryRun
	}
	if strings.HasPrefix(in.Name, "sg-") || !onlyGroupCharacters(in.Name) || !onlyGroupCharacters(in.Description) {
		return nil, wire.Errorf("InvalidParameterValue", "Invalid security group name or description: "+
			"valid are up to 255 letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*, and a name must not start with sg-")
	}
	v := n.findVPC(in.VPCID)
	if v == nil {
		return nil, vpcNotFound(in.VPCID)
	}
	count := 0
	for _, g := range n.groups {
		if g.vpc != v {
			continue
		}
		count++
		if g.name == in.Name {
			return nil, wire.Errorf("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", in.Name, v.id)
		}
	}
	if count >= n.limits[quota.SecurityGroupsPerVPC] {
		return nil, wire.Errorf("SecurityGroupLimitExceeded", "The maximum number of security groups has been reached.")
	}
	return tagsFor("security-group", in.Tags)
}

// onlyGroupCharacters checks what a name or description may hold (EC2 API reference, CreateSecurityGroup).
func onlyGroupCharacters(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune(" ._-:/()#,@[]+=&;{}!$*", r)
	})
}

type deleteGroupInput struct {
	GroupID string `form:"GroupId" required:"true"`
	DryRun  bool
}

type deleteGroupOutput struct {
	Return  bool   `xml:"return"`
	GroupID string `xml:"groupId"`
}

func (n *Network) deleteGroup(in deleteGroupInput) (deleteGroupOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	g := n.findGroup(in.GroupID)
	switch {
	case in.DryRun:
		return deleteGroupOutput{}, errDryRun
	case g == nil:
		return deleteGroupOutput{}, groupNotFound(in.GroupID)
	case g.name == defaultGroupName:
		return deleteGroupOutput{}, wire.Errorf("CannotDelete", "the specified group: %q name: %q cannot be deleted by a user", g.id, g.name)
	case n.groupInUse(g):
		return deleteGroupOutput{}, wire.Errorf("DependencyViolation", "resource %s has a dependent object", g.id)
	}
	n.groups = slices.DeleteFunc(n.groups, func(other *securityGroup) bool { return other == g })
	delete(n.tags, g.id)
	for _, r := range g.rules {
		delete(n.tags, r.id)
	}
	return deleteGroupOutput{Return: true, GroupID: g.id}, nil
}

// groupInUse reports whether an interface has the group, or a rule of another group refers to it.
func (n *Network) groupInUse(g *securityGroup) bool {
	return slices.ContainsFunc(n.interfaces, func(i *networkInterface) bool { return slices.Contains(i.groups, g) }) ||
		slices.ContainsFunc(n.groups, func(other *securityGroup) bool {
			return other != g && slices.ContainsFunc(other.rules, func(r *rule) bool { return r.group == g.id })
		})
}

func groupNotFound(id string) error {
	return wire.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
}

type groupOutput struct {
	OwnerID     string       `xml:"ownerId"`
	GroupID     string       `xml:"groupId"`
	ARN         string       `xml:"securityGroupArn"`
	Name        string       `xml:"groupName"`
	Description string       `xml:"groupDescription"`
	VPCID       string       `xml:"vpcId"`
	Ingress     []permission `xml:"ipPermissions>item"`
	Egress      []permission `xml:"ipPermissionsEgress>item"`
	Tags        []Tag        `xml:"tagSet>item"`
}

type describeGroupsInput struct {
	GroupIDs   []string `form:"GroupId"`
	GroupNames []string `form:"GroupName"`
	Query
}

type describeGroupsOutput struct {
	Groups    []groupOutput `xml:"securityGroupInfo>item"`
	NextToken string        `xml:"nextToken,omitempty"`
}

var groupKind = kind[*securityGroup]{
	number: func(g *securityGroup) int { return g.number },
	id:     func(g *securityGroup) string { return g.id },
	properties: properties[*securityGroup]{
		"group-id":    one(func(g *securityGroup) string { return g.id }),
		"group-name":  one(func(g *securityGroup) string { return g.name }),
		"vpc-id":      one(func(g *securityGroup) string { return g.vpc.id }),
		"description": one(func(g *securityGroup) string { return g.description }),
		"ip-permission.group-id": func(g *securityGroup) []string {
			return g.collect(false, func(r *rule) string { return r.group })
		},
		"ip-permission.cidr": func(g *securityGroup) []string {
			return g.collect(false, func(r *rule) string { return r.cidr })
		},
		"egress.ip-permission.group-id": func(g *securityGroup) []string {
			return g.collect(true, func(r *rule) string { return r.group })
		},
	},
}

// collect gathers what the rules of one direction have, leaving out the empty.
func (g *securityGroup) collect(egress bool, get func(*rule) string) []string {
	var out []string
	for _, r := range g.rules {
		if value := get(r); r.egress == egress && value != "" {
			out = append(out, value)
		}
	}
	return out
}

func (n *Network) describeGroups(in describeGroupsInput) (describeGroupsOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(in.GroupNames) > 0 { // only the default VPC's groups can be named; there is none
		return describeGroupsOutput{}, wire.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC", in.GroupNames[0])
	}
	page, next, err := list(n, groupKind, n.groups, in.GroupIDs, groupNotFound, in.Query)
	out := describeGroupsOutput{NextToken: next}
	for _, g := range page {
		out.Groups = append(out.Groups, groupOutput{
			OwnerID: n.account, GroupID: g.id, ARN: n.arn("security-group/" + g.id), Name: g.name,
			Description: g.description, VPCID: g.vpc.id, Tags: n.tagSet(g.id),
			Ingress: n.permissions(g, false), Egress: n.permissions(g, true),
		})
	}
	return out, err
}
