package elbv2

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

type loadBalancer struct {
	number     int
	arn        string
	path       string // "app/NAME/ID", the end of the ARN
	settings   balancerSettings
	vpcID      string
	dnsName    string
	created    time.Time
	active     bool // provisioning is over
	attributes map[string]string
	listeners  []*listener

	ip      netip.Addr
	front   *balancer.Front
	version uint64 // of the last table made for the data plane
}

// balancerSettings is what makes a second CreateLoadBalancer of the same name equal to the first.
type balancerSettings struct {
	name, scheme   string
	subnets        []string // sorted
	securityGroups []string // as given
}

// hostedZone is the canonical hosted zone of ALBs in us-west-2 ("Elastic Load Balancing endpoints and quotas").
// Other Regions have others; the local AWS has this one everywhere.
const hostedZone = "Z1H1FL5HABSF5"

type subnetMapping struct {
	SubnetID string `form:"SubnetId" required:"true"`
}

type createLoadBalancerInput struct {
	Name           string `required:"true"`
	Subnets        []string
	SubnetMappings []subnetMapping
	SecurityGroups []string
	Scheme         string `enum:"internet-facing,internal"`
	Tags           []tag
	Type           string `enum:"application,network,gateway"`
	IPAddressType  string `form:"IpAddressType" enum:"ipv4,dualstack,dualstack-without-public-ipv4"`
}

type loadBalancersOutput struct {
	LoadBalancers []loadBalancerOutput `xml:"LoadBalancers>member"`
	NextMarker    string               `xml:",omitempty"`
}

type loadBalancerOutput struct {
	ARN            string       `xml:"LoadBalancerArn"`
	DNSName        string       `xml:"DNSName"`
	HostedZone     string       `xml:"CanonicalHostedZoneId"`
	Created        string       `xml:"CreatedTime"`
	Name           string       `xml:"LoadBalancerName"`
	Scheme         string       `xml:"Scheme"`
	VPCID          string       `xml:"VpcId"`
	State          string       `xml:"State>Code"`
	Type           string       `xml:"Type"`
	Zones          []zoneOutput `xml:"AvailabilityZones>member"`
	SecurityGroups []string     `xml:"SecurityGroups>member"`
	IPAddressType  string       `xml:"IpAddressType"`
}

type zoneOutput struct {
	Name     string `xml:"ZoneName"`
	SubnetID string `xml:"SubnetId"`
}

func (s *Service) createLoadBalancer(in createLoadBalancerInput) (loadBalancersOutput, error) {
	settings, vpcID, err := s.checkNewLoadBalancer(in)
	if err != nil {
		return loadBalancersOutput{}, err
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return loadBalancersOutput{}, err
	}
	if have := find(s.balancers, func(b *loadBalancer) bool { return b.settings.name == in.Name }); have != nil {
		if !have.settings.equal(settings) || !maps.Equal(s.tags[have.arn], tags) {
			return loadBalancersOutput{}, wire.Errorf("DuplicateLoadBalancerName",
				"A load balancer with the same name '%s' exists, but with different settings", in.Name)
		}
		return loadBalancersOutput{LoadBalancers: []loadBalancerOutput{s.loadBalancerOutput(have)}}, nil
	}
	if len(s.balancers) >= s.Limits[quota.LoadBalancers] {
		return loadBalancersOutput{}, wire.Errorf("TooManyLoadBalancers", "The maximum number of load balancers has been reached")
	}
	b, err := s.provision(settings, vpcID)
	if err != nil {
		return loadBalancersOutput{}, err
	}
	s.tags[b.arn] = tags
	return loadBalancersOutput{LoadBalancers: []loadBalancerOutput{s.loadBalancerOutput(b)}}, nil
}

func (s *Service) checkNewLoadBalancer(in createLoadBalancerInput) (balancerSettings, string, error) {
	settings := balancerSettings{name: in.Name, scheme: in.Scheme, securityGroups: in.SecurityGroups}
	if err := checkName("load balancer", in.Name); err != nil {
		return settings, "", err
	}
	if strings.HasPrefix(in.Name, "internal-") {
		return settings, "", wire.Errorf("ValidationError", "The load balancer name '%s' cannot begin with 'internal-'", in.Name)
	}
	if in.Type != "" && in.Type != "application" {
		return settings, "", unsupported("load balancers of Type %s yet", in.Type)
	}
	if err := checkIPAddressType(in.IPAddressType); err != nil {
		return settings, "", err
	}
	if settings.scheme == "" {
		settings.scheme = "internet-facing"
	}
	subnets, vpcID, err := s.checkSubnets(in.Subnets, in.SubnetMappings)
	if err != nil {
		return settings, "", err
	}
	settings.subnets = subnets
	if len(settings.securityGroups) == 0 {
		settings.securityGroups = []string{s.Network.DefaultGroup(vpcID)}
	}
	return settings, vpcID, s.checkSecurityGroups(settings.securityGroups, vpcID)
}

func checkIPAddressType(kind string) error {
	if kind != "" && kind != "ipv4" {
		return wire.Errorf("ValidationError", "IpAddressType '%s' is not possible: the subnets have no IPv6 CIDR", kind)
	}
	return nil
}

// checkSubnets returns the subnets of a load balancer, sorted, and their VPC.
func (s *Service) checkSubnets(ids []string, mappings []subnetMapping) (subnets []string, vpcID string, err error) {
	if len(ids) > 0 && len(mappings) > 0 {
		return nil, "", wire.Errorf("ValidationError", "You must specify either subnets or subnet mappings, not both")
	}
	for _, m := range mappings {
		ids = append(ids, m.SubnetID)
	}
	subnets = slices.Clone(ids)
	slices.Sort(subnets)
	subnets = slices.Compact(subnets)
	zones := map[string]bool{}
	for _, id := range subnets {
		info, ok := s.Network.Subnet(id)
		switch {
		case !ok && !strings.HasPrefix(id, "subnet-"):
			return nil, "", wire.Errorf("InvalidSubnet", "The subnet ID '%s' is not valid", id)
		case !ok:
			return nil, "", wire.Errorf("SubnetNotFound", "The subnet ID '%s' does not exist", id)
		case vpcID != "" && vpcID != info.VPCID:
			return nil, "", wire.Errorf("InvalidConfigurationRequest", "All subnets must belong to the same VPC: '%s'", vpcID)
		case zones[info.Zone]:
			return nil, "", wire.Errorf("InvalidConfigurationRequest",
				"A load balancer cannot be attached to multiple subnets in the same Availability Zone")
		}
		vpcID, zones[info.Zone] = info.VPCID, true
	}
	if len(zones) < 2 {
		return nil, "", wire.Errorf("ValidationError", "At least two subnets in two different Availability Zones must be specified")
	}
	return subnets, vpcID, nil
}

func (s *Service) checkSecurityGroups(ids []string, vpcID string) error {
	if limit := s.Limits[quota.SecurityGroupsPerInterface]; len(ids) > limit {
		return wire.Errorf("InvalidConfigurationRequest", "You can specify at most %d security groups", limit)
	}
	for i, id := range ids {
		groupVPC, ok := s.Network.GroupVPC(id)
		switch {
		case !ok:
			return wire.Errorf("InvalidSecurityGroup", "The security group '%s' does not exist", id)
		case groupVPC != vpcID:
			return wire.Errorf("InvalidConfigurationRequest", "One or more security groups are invalid: '%s' is not in VPC '%s'", id, vpcID)
		case slices.Contains(ids[:i], id):
			return wire.Errorf("ValidationError", "The security group '%s' is specified twice", id)
		}
	}
	return nil
}

func (b balancerSettings) equal(other balancerSettings) bool {
	return b.scheme == other.scheme && slices.Equal(b.subnets, other.subnets) &&
		slices.Equal(slices.Sorted(slices.Values(b.securityGroups)), slices.Sorted(slices.Values(other.securityGroups)))
}

// provision makes a load balancer and everything that a new one has.
func (s *Service) provision(settings balancerSettings, vpcID string) (*loadBalancer, error) {
	ip, err := s.takeAddress()
	if err != nil {
		return nil, err
	}
	path := fmt.Sprintf("app/%s/%s", settings.name, s.newID())
	b := &loadBalancer{
		number: s.next(), arn: s.arn("loadbalancer/" + path), path: path, settings: settings, vpcID: vpcID,
		created: time.Now(), attributes: map[string]string{}, ip: ip, front: s.Plane.Open(ip),
		dnsName: fmt.Sprintf("%s-%010d.%s.elb.amazonaws.com", settings.name, s.Clock.Uint64()%1e10, s.Region),
	}
	if settings.scheme == "internal" {
		b.dnsName = "internal-" + b.dnsName
	}
	s.balancers = append(s.balancers, b)
	s.Network.Attach(path, settings.subnets, settings.securityGroups)
	s.after(s.Clock.Of(s.Delays.Provisioning), func() {
		b.active = true
		s.publishNow(b)
	})
	return b, nil
}

// takeAddress finds a loopback address that no load balancer has. The first of the range stays free, like the network
// address that it is.
func (s *Service) takeAddress() (netip.Addr, error) {
	for ip := s.Addresses.Masked().Addr().Next(); s.Addresses.Contains(ip); ip = ip.Next() {
		if !s.addresses[ip] {
			s.addresses[ip] = true
			return ip, nil
		}
	}
	return netip.Addr{}, &wire.Error{Status: 500, Code: "InternalFailure", Message: fmt.Sprintf("No address is left in %s", s.Addresses)}
}

func (s *Service) loadBalancerOutput(b *loadBalancer) loadBalancerOutput {
	out := loadBalancerOutput{
		ARN: b.arn, DNSName: b.dnsName, HostedZone: hostedZone, Created: timestamp(b.created), Name: b.settings.name,
		Scheme: b.settings.scheme, VPCID: b.vpcID, State: "provisioning", Type: "application", IPAddressType: "ipv4",
		SecurityGroups: b.settings.securityGroups, Zones: s.zones(b),
	}
	if b.active {
		out.State = "active"
	}
	return out
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (s *Service) zones(b *loadBalancer) []zoneOutput {
	var zones []zoneOutput
	for _, id := range b.settings.subnets {
		info, _ := s.Network.Subnet(id) // subnets are never deleted
		zones = append(zones, zoneOutput{Name: info.Zone, SubnetID: id})
	}
	return zones
}

type describeLoadBalancersInput struct {
	ARNs  []string `form:"LoadBalancerArns"`
	Names []string
	paging
}

func (s *Service) describeLoadBalancers(in describeLoadBalancersInput) (loadBalancersOutput, error) {
	if len(in.ARNs) > 0 && len(in.Names) > 0 {
		return loadBalancersOutput{}, wire.Errorf("ValidationError", "Load balancer names and load balancer ARNs cannot be specified at the same time")
	}
	if err := checkBatch("load balancers", max(len(in.ARNs), len(in.Names))); err != nil {
		return loadBalancersOutput{}, err
	}
	found, err := pick(s.balancers, in.ARNs, func(b *loadBalancer) string { return b.arn }, balancerNotFound)
	if err != nil {
		return loadBalancersOutput{}, err
	}
	found, err = pick(found, in.Names, func(b *loadBalancer) string { return b.settings.name }, balancerNotFound)
	if err != nil {
		return loadBalancersOutput{}, err
	}
	found, next, err := page(found, in.paging, func(b *loadBalancer) int { return b.number })
	out := loadBalancersOutput{NextMarker: next}
	for _, b := range found {
		out.LoadBalancers = append(out.LoadBalancers, s.loadBalancerOutput(b))
	}
	return out, err
}

func balancerNotFound(which string) error {
	return wire.Errorf("LoadBalancerNotFound", "Load balancer '%s' not found", which)
}

func (s *Service) balancer(arn string) (*loadBalancer, error) {
	if b := find(s.balancers, func(b *loadBalancer) bool { return b.arn == arn }); b != nil {
		return b, nil
	}
	return nil, balancerNotFound(arn)
}

type balancerInput struct {
	ARN string `form:"LoadBalancerArn" required:"true"`
}

// deleteLoadBalancer succeeds also when there is nothing to delete.
func (s *Service) deleteLoadBalancer(in balancerInput) (wire.Empty, error) {
	b, err := s.balancer(in.ARN)
	if err != nil {
		return wire.Empty{}, nil //nolint:nilerr // API reference, DeleteLoadBalancer: the call succeeds if it is gone already
	}
	if b.attribute("deletion_protection.enabled") == "true" {
		return wire.Empty{}, wire.Errorf("OperationNotPermitted", "Load balancer '%s' cannot be deleted because deletion protection is enabled", b.arn)
	}
	s.balancers = slices.DeleteFunc(s.balancers, func(other *loadBalancer) bool { return other == b })
	delete(s.tags, b.arn)
	for _, l := range b.listeners {
		s.forgetListener(l)
	}
	s.later(func() {
		s.Clock.After(0, b.front.Close) // not under the lock: it waits for sockets
		delete(s.addresses, b.ip)
	})
	s.after(s.Clock.Of(s.Delays.Interfaces), func() { s.Network.Detach(b.path) })
	return wire.Empty{}, nil
}
