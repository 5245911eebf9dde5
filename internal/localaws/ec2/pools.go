package ec2

import (
	"fmt"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// ipamPool is where public addresses of load balancers may come from.
type ipamPool struct {
	number int
	id     string
}

// IPAMPool is a pool of public IPv4 addresses to start with.
type IPAMPool struct {
	ID   string
	Tags map[string]string
}

// AddIPAMPool seeds a pool.
func (n *Network) AddIPAMPool(p IPAMPool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.pool(p.ID) != nil {
		return fmt.Errorf("IPAM pool %s is there already", p.ID)
	}
	n.pools = append(n.pools, &ipamPool{number: n.next(), id: p.ID})
	n.setTags(p.ID, p.Tags)
	return nil
}

func (n *Network) pool(id string) *ipamPool {
	return find(n.pools, func(p *ipamPool) bool { return p.id == id })
}

// HasPool reports whether there is such an IPAM pool.
func (n *Network) HasPool(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pool(id) != nil
}

type describePoolsInput struct {
	IDs []string `form:"IpamPoolId"`
	Query
}

type describePoolsOutput struct {
	Pools     []poolOutput `xml:"ipamPoolSet>item"`
	NextToken string       `xml:"nextToken,omitempty"`
}

type poolOutput struct {
	OwnerID string `xml:"ownerId"`
	ID      string `xml:"ipamPoolId"`
	ARN     string `xml:"ipamPoolArn"`
	Scope   string `xml:"ipamScopeType"`
	Region  string `xml:"ipamRegion"`
	Locale  string `xml:"locale"`
	State   string `xml:"state"`
	Family  string `xml:"addressFamily"`
	Service string `xml:"awsService"`
	Tags    []Tag  `xml:"tagSet>item"`
}

var poolKind = kind[*ipamPool]{
	number: func(p *ipamPool) int { return p.number },
	id:     func(p *ipamPool) string { return p.id },
	properties: properties[*ipamPool]{
		"ipam-pool-id":   one(func(p *ipamPool) string { return p.id }),
		"address-family": one(func(*ipamPool) string { return "ipv4" }),
		"state":          one(func(*ipamPool) string { return "create-complete" }),
	},
}

func (n *Network) describeIPAMPools(in describePoolsInput) (describePoolsOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	page, next, err := list(n, poolKind, n.pools, in.IDs, func(id string) error {
		return wire.Errorf("InvalidIpamPoolId.NotFound", "The ipam-pool ID '%s' does not exist", id)
	}, in.Query)
	out := describePoolsOutput{NextToken: next}
	for _, p := range page {
		out.Pools = append(out.Pools, poolOutput{
			OwnerID: n.account, ID: p.id, ARN: "arn:aws:ec2::" + n.account + ":ipam-pool/" + p.id, Scope: "public", Region: n.region,
			Locale: n.region, State: "create-complete", Family: "ipv4", Service: "ec2", Tags: n.tagSet(p.id),
		})
	}
	return out, err
}

type describeCustomerPoolsInput struct {
	IDs []string `form:"PoolId"`
	Query
}

type describeCustomerPoolsOutput struct {
	Pools string `xml:"coipPoolSet"` // none: there is no Outpost
}

func customerPoolNotFound(id string) error {
	return wire.Errorf("InvalidPoolID.NotFound", "The pool ID '%s' does not exist", id)
}

func (n *Network) describeCustomerPools(in describeCustomerPoolsInput) (describeCustomerPoolsOutput, error) {
	for _, id := range in.IDs {
		return describeCustomerPoolsOutput{}, customerPoolNotFound(id)
	}
	return describeCustomerPoolsOutput{}, nil
}

type customerPoolUsageInput struct {
	ID string `form:"PoolId" required:"true"`
	Query
}

func (n *Network) getCustomerPoolUsage(in customerPoolUsageInput) (wire.Empty, error) {
	return wire.Empty{}, customerPoolNotFound(in.ID)
}

type describePeeringsInput struct {
	IDs []string `form:"VpcPeeringConnectionId"`
	Query
}

type describePeeringsOutput struct {
	Connections string `xml:"vpcPeeringConnectionSet"` // none: VPCs are not connected here
}

func (n *Network) describePeerings(in describePeeringsInput) (describePeeringsOutput, error) {
	for _, id := range in.IDs {
		return describePeeringsOutput{}, wire.Errorf("InvalidVpcPeeringConnectionID.NotFound", "The vpcPeeringConnection ID '%s' does not exist", id)
	}
	return describePeeringsOutput{}, nil
}

type accountAttributesInput struct {
	Names  []string `form:"AttributeName"`
	DryRun bool
}

type accountAttributesOutput struct {
	Attributes []accountAttribute `xml:"accountAttributeSet>item"`
}

type accountAttribute struct {
	Name   string   `xml:"attributeName"`
	Values []string `xml:"attributeValueSet>item>attributeValue"`
}

// describeAccountAttributes says what every account without EC2-Classic and without a default VPC says.
func (n *Network) describeAccountAttributes(in accountAttributesInput) (accountAttributesOutput, error) {
	if in.DryRun {
		return accountAttributesOutput{}, errDryRun
	}
	values := map[string]string{"supported-platforms": "VPC", "default-vpc": "none"}
	names := in.Names
	if len(names) == 0 {
		names = []string{"supported-platforms", "default-vpc"}
	}
	var out accountAttributesOutput
	for _, name := range names {
		value, ok := values[name]
		if !ok {
			return out, wire.Errorf("InvalidParameterValue", "The attribute '%s' is not valid", name)
		}
		out.Attributes = append(out.Attributes, accountAttribute{Name: name, Values: []string{value}})
	}
	return out, nil
}

type groupsForVPCInput struct {
	VPCID string `form:"VpcId" required:"true"`
	Query
}

type groupsForVPCOutput struct {
	Groups    []groupForVPC `xml:"securityGroupForVpcSet>item"`
	NextToken string        `xml:"nextToken,omitempty"`
}

type groupForVPC struct {
	Description string `xml:"description"`
	Name        string `xml:"groupName"`
	OwnerID     string `xml:"ownerId"`
	ID          string `xml:"groupId"`
	VPCID       string `xml:"primaryVpcId"`
	Tags        []Tag  `xml:"tagSet>item"`
}

func (n *Network) getGroupsForVPC(in groupsForVPCInput) (groupsForVPCOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	v := n.findVPC(in.VPCID)
	if v == nil {
		return groupsForVPCOutput{}, vpcNotFound(in.VPCID)
	}
	var inside []*securityGroup
	for _, g := range n.groups {
		if g.vpc == v {
			inside = append(inside, g)
		}
	}
	page, next, err := list(n, groupKind, inside, nil, nil, in.Query)
	out := groupsForVPCOutput{NextToken: next}
	for _, g := range page {
		out.Groups = append(out.Groups, groupForVPC{
			Description: g.description, Name: g.name, OwnerID: n.account, ID: g.id, VPCID: v.id, Tags: n.tagSet(g.id),
		})
	}
	return out, err
}
