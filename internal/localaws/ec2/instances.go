package ec2

import (
	"strings"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

type groupIdentifier struct {
	ID   string `xml:"groupId"`
	Name string `xml:"groupName"`
}

func identifiers(groups []*securityGroup) []groupIdentifier {
	var out []groupIdentifier
	for _, g := range groups {
		out = append(out, groupIdentifier{ID: g.id, Name: g.name})
	}
	return out
}

type privateAddress struct {
	Address string `xml:"privateIpAddress"`
	DNSName string `xml:"privateDnsName,omitempty"`
	Primary bool   `xml:"primary"`
}

type prefix struct {
	CIDR string `xml:"ipv4Prefix"`
}

// attachment ties an interface to its instance. Interfaces of load balancers are attached to an instance of AWS's own.
type attachment struct {
	ID                  string `xml:"attachmentId"`
	InstanceID          string `xml:"instanceId,omitempty"`
	InstanceOwnerID     string `xml:"instanceOwnerId,omitempty"`
	DeviceIndex         int    `xml:"deviceIndex"`
	NetworkCardIndex    int    `xml:"networkCardIndex"`
	Status              string `xml:"status"`
	AttachTime          string `xml:"attachTime,omitempty"`
	DeleteOnTermination bool   `xml:"deleteOnTermination"`
}

// interfaceOutput is an interface, both by itself and as a part of its instance.
type interfaceOutput struct {
	ID               string            `xml:"networkInterfaceId"`
	SubnetID         string            `xml:"subnetId"`
	VPCID            string            `xml:"vpcId"`
	Zone             string            `xml:"availabilityZone,omitempty"`
	Description      string            `xml:"description"`
	OwnerID          string            `xml:"ownerId"`
	RequesterID      string            `xml:"requesterId,omitempty"`
	RequesterManaged bool              `xml:"requesterManaged"`
	Status           string            `xml:"status"`
	MACAddress       string            `xml:"macAddress"`
	Address          string            `xml:"privateIpAddress"`
	DNSName          string            `xml:"privateDnsName,omitempty"`
	SourceDestCheck  bool              `xml:"sourceDestCheck"`
	Groups           []groupIdentifier `xml:"groupSet>item"`
	Attachment       attachment        `xml:"attachment"`
	Addresses        []privateAddress  `xml:"privateIpAddressesSet>item"`
	Prefixes         []prefix          `xml:"ipv4PrefixSet>item"`
	Type             string            `xml:"interfaceType"`
	Tags             []Tag             `xml:"tagSet>item"`
}

func (n *Network) interfaceOutput(i *networkInterface) interfaceOutput {
	out := interfaceOutput{
		ID: i.id, SubnetID: i.subnet.id, VPCID: i.subnet.vpc.id, Zone: i.subnet.zone, Description: i.description,
		OwnerID: n.account, Status: "in-use", MACAddress: macAddress(i), Address: i.address.String(), DNSName: i.dns,
		SourceDestCheck: true, Groups: identifiers(i.groups), Type: "interface", Tags: n.tagSet(i.id),
		Addresses:  []privateAddress{{Address: i.address.String(), DNSName: i.dns, Primary: true}},
		Attachment: n.attachment(i),
	}
	for _, cidr := range i.prefixes {
		out.Prefixes = append(out.Prefixes, prefix{CIDR: cidr})
	}
	if i.owner != "" {
		out.RequesterID, out.RequesterManaged = "amazon-elb", true
	}
	return out
}

func (n *Network) attachment(i *networkInterface) attachment {
	out := attachment{ID: "eni-attach-" + strings.TrimPrefix(i.id, "eni-"), Status: "attached"}
	if i.instance == nil {
		out.InstanceOwnerID, out.DeviceIndex = "amazon-elb", 1
		return out
	}
	out.InstanceID, out.InstanceOwnerID, out.DeleteOnTermination = i.instance.id, n.account, true
	out.AttachTime = n.started.Format(time.RFC3339)
	return out
}

// macAddress is a locally administered address made of the IPv4 address.
func macAddress(i *networkInterface) string {
	const digits = "0123456789abcdef"
	mac := []byte("02:00")
	for _, b := range i.address.As4() {
		mac = append(mac, ':', digits[b>>4], digits[b&15])
	}
	return string(mac)
}

type describeInterfacesInput struct {
	IDs []string `form:"NetworkInterfaceId"`
	Query
}

type describeInterfacesOutput struct {
	Interfaces []interfaceOutput `xml:"networkInterfaceSet>item"`
	NextToken  string            `xml:"nextToken,omitempty"`
}

var interfaceKind = kind[*networkInterface]{
	number: func(i *networkInterface) int { return i.number },
	id:     func(i *networkInterface) string { return i.id },
	properties: properties[*networkInterface]{
		"network-interface-id":         one(func(i *networkInterface) string { return i.id }),
		"vpc-id":                       one(func(i *networkInterface) string { return i.subnet.vpc.id }),
		"subnet-id":                    one(func(i *networkInterface) string { return i.subnet.id }),
		"availability-zone":            one(func(i *networkInterface) string { return i.subnet.zone }),
		"description":                  one(func(i *networkInterface) string { return i.description }),
		"status":                       one(func(*networkInterface) string { return "in-use" }),
		"interface-type":               one(func(*networkInterface) string { return "interface" }),
		"private-ip-address":           one(func(i *networkInterface) string { return i.address.String() }),
		"addresses.private-ip-address": one(func(i *networkInterface) string { return i.address.String() }),
		"ipv6-addresses.ipv6-address":  func(*networkInterface) []string { return nil }, // no interface has any
		"private-dns-name":             one(func(i *networkInterface) string { return i.dns }),
		"group-id":                     func(i *networkInterface) []string { return groupIDs(i.groups) },
		"group-name":                   func(i *networkInterface) []string { return groupNames(i.groups) },
		"attachment.instance-id": func(i *networkInterface) []string {
			if i.instance == nil {
				return nil
			}
			return []string{i.instance.id}
		},
		"attachment.status": one(func(*networkInterface) string { return "attached" }),
		"requester-id": func(i *networkInterface) []string {
			if i.owner == "" {
				return nil
			}
			return []string{"amazon-elb"}
		},
	},
}

func groupIDs(groups []*securityGroup) []string {
	var ids []string
	for _, g := range groups {
		ids = append(ids, g.id)
	}
	return ids
}

func groupNames(groups []*securityGroup) []string {
	var names []string
	for _, g := range groups {
		names = append(names, g.name)
	}
	return names
}

func (n *Network) describeInterfaces(in describeInterfacesInput) (describeInterfacesOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	page, next, err := list(n, interfaceKind, n.interfaces, in.IDs, func(id string) error {
		return wire.Errorf("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist", id)
	}, in.Query)
	out := describeInterfacesOutput{NextToken: next}
	for _, i := range page {
		out.Interfaces = append(out.Interfaces, n.interfaceOutput(i))
	}
	return out, err
}

type instanceState struct {
	Code int    `xml:"code"`
	Name string `xml:"name"`
}

type placement struct {
	Zone    string `xml:"availabilityZone"`
	Tenancy string `xml:"tenancy"`
}

type instanceOutput struct {
	ID            string            `xml:"instanceId"`
	State         instanceState     `xml:"instanceState"`
	Type          string            `xml:"instanceType"`
	LaunchTime    string            `xml:"launchTime"`
	Placement     placement         `xml:"placement"`
	SubnetID      string            `xml:"subnetId"`
	VPCID         string            `xml:"vpcId"`
	Address       string            `xml:"privateIpAddress"`
	PrivateDNS    string            `xml:"privateDnsName"`
	PublicDNS     string            `xml:"dnsName"`
	Architecture  string            `xml:"architecture"`
	SourceDestOK  bool              `xml:"sourceDestCheck"`
	Groups        []groupIdentifier `xml:"groupSet>item"`
	Interfaces    []interfaceOutput `xml:"networkInterfaceSet>item"`
	Tags          []Tag             `xml:"tagSet>item"`
	RootDevice    string            `xml:"rootDeviceType"`
	Hypervisor    string            `xml:"hypervisor"`
	Virtualized   string            `xml:"virtualizationType"`
	ImageID       string            `xml:"imageId"`
	AMILaunchSlot int               `xml:"amiLaunchIndex"`
}

type reservation struct {
	ID        string           `xml:"reservationId"`
	OwnerID   string           `xml:"ownerId"`
	Instances []instanceOutput `xml:"instancesSet>item"`
}

type describeInstancesInput struct {
	InstanceIDs []string `form:"InstanceId"`
	Query
}

type describeInstancesOutput struct {
	Reservations []reservation `xml:"reservationSet>item"`
	NextToken    string        `xml:"nextToken,omitempty"`
}

var instanceKind = kind[*instance]{
	number: func(i *instance) int { return i.number },
	id:     func(i *instance) string { return i.id },
	properties: properties[*instance]{
		"instance-id":                          one(func(i *instance) string { return i.id }),
		"vpc-id":                               one(func(i *instance) string { return i.subnet.vpc.id }),
		"subnet-id":                            one(func(i *instance) string { return i.subnet.id }),
		"availability-zone":                    one(func(i *instance) string { return i.subnet.zone }),
		"private-ip-address":                   one(func(i *instance) string { return i.eni.address.String() }),
		"private-dns-name":                     one(func(i *instance) string { return i.dns }),
		"network-interface.private-dns-name":   one(func(i *instance) string { return i.dns }),
		"network-interface.private-ip-address": one(func(i *instance) string { return i.eni.address.String() }),
		"instance-state-name":                  one(func(*instance) string { return "running" }),
		"instance-state-code":                  one(func(*instance) string { return "16" }),
		"instance.group-id":                    func(i *instance) []string { return groupIDs(i.eni.groups) },
		"instance.group-name":                  func(i *instance) []string { return groupNames(i.eni.groups) },
	},
}

func (n *Network) describeInstances(in describeInstancesInput) (describeInstancesOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(in.InstanceIDs) > 0 && in.MaxResults != nil {
		return describeInstancesOutput{}, wire.Errorf("InvalidParameterCombination",
			"The parameter instancesSet cannot be used with the parameter maxResults")
	}
	page, next, err := list(n, instanceKind, n.instances, in.InstanceIDs, func(id string) error {
		return wire.Errorf("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
	}, in.Query)
	out := describeInstancesOutput{NextToken: next}
	for _, i := range page {
		out.Reservations = append(out.Reservations, reservation{
			ID: "r-" + strings.TrimPrefix(i.id, "i-"), OwnerID: n.account, Instances: []instanceOutput{n.instanceOutput(i)},
		})
	}
	return out, err
}

func (n *Network) instanceOutput(i *instance) instanceOutput {
	return instanceOutput{
		ID: i.id, State: instanceState{Code: 16, Name: "running"}, Type: "m7i.large", LaunchTime: n.started.Format(time.RFC3339),
		Placement: placement{Zone: i.subnet.zone, Tenancy: "default"}, SubnetID: i.subnet.id, VPCID: i.subnet.vpc.id,
		Address: i.eni.address.String(), PrivateDNS: i.dns, Architecture: "x86_64", SourceDestOK: true,
		Groups: identifiers(i.eni.groups), Interfaces: []interfaceOutput{n.interfaceOutput(i.eni)}, Tags: n.tagSet(i.id),
		RootDevice: "ebs", Hypervisor: "xen", Virtualized: "hvm", ImageID: "ami-00000000000000000",
	}
}
