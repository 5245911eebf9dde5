package ec2

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

type vpcOutput struct {
	VPCID        string      `xml:"vpcId"`
	OwnerID      string      `xml:"ownerId"`
	State        string      `xml:"state"`
	CIDR         string      `xml:"cidrBlock"`
	Associations []cidrBlock `xml:"cidrBlockAssociationSet>item"`
	IPv6         []ipv6Block `xml:"ipv6CidrBlockAssociationSet>item"`
	Tenancy      string      `xml:"instanceTenancy"`
	Default      bool        `xml:"isDefault"`
	DHCPOptions  string      `xml:"dhcpOptionsId"`
	Tags         []Tag       `xml:"tagSet>item"`
}

type cidrBlock struct {
	ID    string `xml:"associationId"`
	CIDR  string `xml:"cidrBlock"`
	State string `xml:"cidrBlockState>state"`
}

type ipv6Block struct {
	ID    string `xml:"associationId"`
	CIDR  string `xml:"ipv6CidrBlock"`
	State string `xml:"ipv6CidrBlockState>state"`
}

// ipv6Blocks is the IPv6 range of a VPC or subnet, if it has one.
func ipv6Blocks(id string, cidr netip.Prefix) []ipv6Block {
	if !cidr.IsValid() {
		return nil
	}
	return []ipv6Block{{ID: id[:strings.Index(id, "-")] + "-cidr-assoc-6-" + id[strings.Index(id, "-")+1:], CIDR: cidr.String(), State: "associated"}}
}

// ipv6Values are what filters compare with.
func ipv6Values(cidr netip.Prefix) []string {
	if !cidr.IsValid() {
		return nil
	}
	return []string{cidr.String()}
}

type describeVPCsInput struct {
	VPCIDs []string `form:"VpcId"`
	Query
}

type describeVPCsOutput struct {
	VPCs      []vpcOutput `xml:"vpcSet>item"`
	NextToken string      `xml:"nextToken,omitempty"`
}

var vpcKind = kind[*vpc]{
	number: func(v *vpc) int { return v.number },
	id:     func(v *vpc) string { return v.id },
	properties: properties[*vpc]{
		"vpc-id":                            one(func(v *vpc) string { return v.id }),
		"cidr":                              one(func(v *vpc) string { return v.cidr.String() }),
		"state":                             one(func(*vpc) string { return "available" }),
		"is-default":                        one(func(*vpc) string { return "false" }),
		"isDefault":                         one(func(*vpc) string { return "false" }), // as the older documentation has it
		"cidr-block-association.cidr-block": one(func(v *vpc) string { return v.cidr.String() }),
		"ipv6-cidr-block-association.ipv6-cidr-block": func(v *vpc) []string { return ipv6Values(v.cidr6) },
	},
}

func (n *Network) describeVPCs(in describeVPCsInput) (describeVPCsOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	page, next, err := list(n, vpcKind, n.vpcs, in.VPCIDs, vpcNotFound, in.Query)
	out := describeVPCsOutput{NextToken: next}
	for _, v := range page {
		out.VPCs = append(out.VPCs, vpcOutput{
			VPCID: v.id, OwnerID: n.account, State: "available", CIDR: v.cidr.String(), Tenancy: "default",
			Associations: []cidrBlock{{ID: "vpc-cidr-assoc-" + strings.TrimPrefix(v.id, "vpc-"), CIDR: v.cidr.String(), State: "associated"}},
			IPv6:         ipv6Blocks(v.id, v.cidr6), DHCPOptions: "default", Tags: n.tagSet(v.id),
		})
	}
	return out, err
}

func vpcNotFound(id string) error {
	return wire.Errorf("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", id)
}

type subnetOutput struct {
	SubnetID  string      `xml:"subnetId"`
	ARN       string      `xml:"subnetArn"`
	OwnerID   string      `xml:"ownerId"`
	State     string      `xml:"state"`
	VPCID     string      `xml:"vpcId"`
	CIDR      string      `xml:"cidrBlock"`
	Available int         `xml:"availableIpAddressCount"`
	Zone      string      `xml:"availabilityZone"`
	ZoneID    string      `xml:"availabilityZoneId"`
	Default   bool        `xml:"defaultForAz"`
	Public    bool        `xml:"mapPublicIpOnLaunch"`
	IPv6      []ipv6Block `xml:"ipv6CidrBlockAssociationSet>item"`
	Tags      []Tag       `xml:"tagSet>item"`
}

type describeSubnetsInput struct {
	SubnetIDs []string `form:"SubnetId"`
	Query
}

type describeSubnetsOutput struct {
	Subnets   []subnetOutput `xml:"subnetSet>item"`
	NextToken string         `xml:"nextToken,omitempty"`
}

var subnetKind = kind[*subnet]{
	number: func(s *subnet) int { return s.number },
	id:     func(s *subnet) string { return s.id },
	properties: properties[*subnet]{
		"subnet-id":               one(func(s *subnet) string { return s.id }),
		"vpc-id":                  one(func(s *subnet) string { return s.vpc.id }),
		"availability-zone":       one(func(s *subnet) string { return s.zone }),
		"availability-zone-id":    one(func(s *subnet) string { return zoneID(s.zone) }),
		"availabilityZone":        one(func(s *subnet) string { return s.zone }),
		"cidr-block":              one(func(s *subnet) string { return s.cidr.String() }),
		"default-for-az":          one(func(*subnet) string { return "false" }),
		"map-public-ip-on-launch": one(func(*subnet) string { return "false" }),
		"ipv6-cidr-block-association.ipv6-cidr-block": func(s *subnet) []string { return ipv6Values(s.cidr6) },
		"state": one(func(*subnet) string { return "available" }),
	},
}

func (n *Network) describeSubnets(in describeSubnetsInput) (describeSubnetsOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	page, next, err := list(n, subnetKind, n.subnets, in.SubnetIDs, subnetNotFound, in.Query)
	out := describeSubnetsOutput{NextToken: next}
	for _, s := range page {
		out.Subnets = append(out.Subnets, subnetOutput{
			SubnetID: s.id, ARN: n.arn("subnet/" + s.id), OwnerID: n.account, State: "available", VPCID: s.vpc.id,
			CIDR: s.cidr.String(), Available: n.available(s), Zone: s.zone, ZoneID: zoneID(s.zone), IPv6: ipv6Blocks(s.id, s.cidr6), Tags: n.tagSet(s.id),
		})
	}
	return out, err
}

func subnetNotFound(id string) error {
	return wire.Errorf("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id)
}

// available counts the addresses that are left.
func (n *Network) available(s *subnet) int {
	count := 1<<(s.cidr.Addr().BitLen()-s.cidr.Bits()) - reservedAddresses
	for _, i := range n.interfaces {
		if i.subnet == s {
			count--
		}
	}
	return count
}

func (n *Network) arn(resource string) string {
	return fmt.Sprintf("arn:aws:ec2:%s:%s:%s", n.region, n.account, resource)
}

// zoneID makes "usw2-az1" of "us-west-2a".
func zoneID(zone string) string {
	parts := strings.Split(zone, "-")
	if len(parts) != 3 || len(parts[1]) == 0 || len(parts[2]) < 2 {
		return zone + "-az"
	}
	direction := parts[1][:1]
	for _, word := range []string{"north", "south", "east", "west"} { // "southeast" is "se"
		if rest, ok := strings.CutPrefix(parts[1], word); ok && rest != "" {
			direction = word[:1] + rest[:1]
		}
	}
	letter := parts[2][len(parts[2])-1]
	return parts[0] + direction + parts[2][:len(parts[2])-1] + "-az" + strconv.Itoa(int(letter-'a')+1)
}

type zoneOutput struct {
	number  int
	Name    string `xml:"zoneName"`
	ID      string `xml:"zoneId"`
	State   string `xml:"zoneState"`
	Region  string `xml:"regionName"`
	Group   string `xml:"groupName"`
	Border  string `xml:"networkBorderGroup"`
	Type    string `xml:"zoneType"`
	OptedIn string `xml:"optInStatus"`
}

type describeZonesInput struct {
	ZoneNames []string `form:"ZoneName"`
	ZoneIDs   []string `form:"ZoneId"`
	All       bool     `form:"AllAvailabilityZones"`
	Filters   []Filter `form:"Filter"`
	DryRun    bool
}

type describeZonesOutput struct {
	Zones []zoneOutput `xml:"availabilityZoneInfo>item"`
}

var zoneKind = kind[zoneOutput]{
	number: func(z zoneOutput) int { return z.number },
	id:     func(z zoneOutput) string { return z.Name },
	properties: properties[zoneOutput]{
		"zone-name":     one(func(z zoneOutput) string { return z.Name }),
		"zone-id":       one(func(z zoneOutput) string { return z.ID }),
		"zone-type":     one(func(z zoneOutput) string { return z.Type }),
		"region-name":   one(func(z zoneOutput) string { return z.Region }),
		"group-name":    one(func(z zoneOutput) string { return z.Group }),
		"state":         one(func(z zoneOutput) string { return z.State }),
		"opt-in-status": one(func(z zoneOutput) string { return z.OptedIn }),
	},
}

// describeZones knows the zones of the subnets, and a to c of the Region.
func (n *Network) describeZones(in describeZonesInput) (describeZonesOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	names := []string{n.region + "a", n.region + "b", n.region + "c"}
	for _, s := range n.subnets {
		names = append(names, s.zone)
	}
	slices.Sort(names)
	var zones []zoneOutput
	for i, name := range slices.Compact(names) {
		if id := zoneID(name); len(in.ZoneIDs) == 0 || slices.Contains(in.ZoneIDs, id) {
			zones = append(zones, zoneOutput{
				number: i, Name: name, ID: id, State: "available", Region: n.region, Group: n.region + "-zg-1",
				Border: n.region, Type: "availability-zone", OptedIn: "opt-in-not-required",
			})
		}
	}
	page, _, err := list(n, zoneKind, zones, in.ZoneNames, func(id string) error {
		return wire.Errorf("InvalidParameterValue", "Invalid availability zones: [%s]", id)
	}, Query{Filters: in.Filters, DryRun: in.DryRun})
	return describeZonesOutput{Zones: page}, err
}
