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

// The types of load balancers that are here.
const (
	application = "application"
	network     = "network"
)

type loadBalancer struct {
	number     int
	arn        string
	path       string // "app/NAME/ID" or "net/NAME/ID", the end of the ARN
	settings   balancerSettings
	vpcID      string
	dnsName    string
	created    time.Time
	active     bool // provisioning is over
	attributes map[string]string
	listeners  []*listener
	capacity   capacity
	privateLnk string // EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic, of a network load balancer with security groups

	used         map[string]bool // ARNs of what the listeners and rules use, see uses.go
	certificates []string        // as reported last

	ip      netip.Addr
	front   *balancer.Front
	version uint64 // of the last table made for the data plane
}

// balancerSettings is what makes a second CreateLoadBalancer of the same name equal to the first.
type balancerSettings struct {
	kind, name, scheme string
	addressType        string          // ipv4, dualstack or dualstack-without-public-ipv4
	sourceNAT          string          // EnablePrefixForIpv6SourceNat: "on", "off" or ""
	pool               string          // IPAM pool
	mappings           []subnetMapping // in the order of the subnets' ids
	securityGroups     []string        // as given
}

// hostedZones are the canonical hosted zones in us-west-2 ("Elastic Load Balancing endpoints and quotas"). Other Regions
// have others; the local AWS has these everywhere.
var hostedZones = map[string]string{application: "Z1H1FL5HABSF5", network: "Z18D5FSROUN65G"}

type createLoadBalancerInput struct {
	Name           string `required:"true"`
	Subnets        []string
	SubnetMappings []subnetMapping
	SecurityGroups []string
	Scheme         string `enum:"internet-facing,internal"`
	Tags           []tag
	Type           string     `enum:"application,network,gateway"`
	IPAddressType  string     `form:"IpAddressType" enum:"ipv4,dualstack,dualstack-without-public-ipv4"`
	CustomerPool   string     `form:"CustomerOwnedIpv4Pool"`
	SourceNAT      string     `form:"EnablePrefixForIpv6SourceNat" enum:"on,off"`
	Pools          *ipamPools `form:"IpamPools"`
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
	PrivateLink    string       `xml:"EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic,omitempty"`
	SourceNAT      string       `xml:"EnablePrefixForIpv6SourceNat,omitempty"`
	Pools          *ipamPools   `xml:"IpamPools"`
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
	if s.countBalancers(settings.kind) >= s.Limits[balancerQuotas[settings.kind]] {
		return loadBalancersOutput{}, wire.Errorf("TooManyLoadBalancers", "The maximum number of load balancers has been reached")
	}
	b, err := s.provision(settings, vpcID)
	if err != nil {
		return loadBalancersOutput{}, err
	}
	s.tags[b.arn] = tags
	if b.settings.kind == network && len(b.settings.securityGroups) > 0 {
		b.privateLnk = "on" // API reference, SetSecurityGroups: the default
	}
	return loadBalancersOutput{LoadBalancers: []loadBalancerOutput{s.loadBalancerOutput(b)}}, nil
}

var balancerQuotas = map[string]string{application: quota.LoadBalancers, network: quota.NetworkLoadBalancers}

func (s *Service) countBalancers(kind string) int {
	count := 0
	for _, b := range s.balancers {
		if b.settings.kind == kind {
			count++
		}
	}
	return count
}

func (s *Service) checkNewLoadBalancer(in createLoadBalancerInput) (balancerSettings, string, error) {
	settings := balancerSettings{
		kind: in.Type, name: in.Name, scheme: in.Scheme, securityGroups: in.SecurityGroups, addressType: in.IPAddressType, sourceNAT: in.SourceNAT,
	}
	fill(&settings.kind, application)
	fill(&settings.scheme, "internet-facing")
	fill(&settings.addressType, "ipv4")
	if err := in.check(settings); err != nil {
		return settings, "", err
	}
	if in.Pools != nil {
		settings.pool = in.Pools.IPv4
		if err := s.checkPool(settings, settings.pool); err != nil {
			return settings, "", err
		}
	}
	mappings, vpcID, err := s.checkSubnets(settings, in.Subnets, in.SubnetMappings)
	if err != nil {
		return settings, "", err
	}
	settings.mappings = mappings
	if len(settings.securityGroups) == 0 && settings.kind == application {
		settings.securityGroups = []string{s.Network.DefaultGroup(vpcID)}
	}
	return settings, vpcID, s.checkSecurityGroups(settings.securityGroups, vpcID)
}

// check is what can be said without looking at the network.
func (in createLoadBalancerInput) check(settings balancerSettings) error {
	if err := checkName("load balancer", in.Name); err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(in.Name, "internal-"):
		return wire.Errorf("ValidationError", "The load balancer name '%s' cannot begin with 'internal-'", in.Name)
	case in.Type == "gateway":
		return unsupported("load balancers of Type gateway")
	case in.CustomerPool != "":
		return unsupported("customer-owned address pools, which are for Outposts")
	case settings.addressType == withoutPublic && (settings.kind == network || settings.scheme == "internal"):
		return wire.Errorf("InvalidConfigurationRequest", "IpAddressType '%s' is only supported by internet-facing application load balancers", withoutPublic)
	case in.SourceNAT != "" && (settings.kind != network || settings.addressType != dualstack):
		return wire.Errorf("InvalidConfigurationRequest", "EnablePrefixForIpv6SourceNat is only supported by dualstack network load balancers")
	}
	return nil
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
	return b.kind == other.kind && b.scheme == other.scheme && b.addressType == other.addressType && b.sourceNAT == other.sourceNAT &&
		b.pool == other.pool && slices.Equal(b.mappings, other.mappings) &&
		slices.Equal(slices.Sorted(slices.Values(b.securityGroups)), slices.Sorted(slices.Values(other.securityGroups)))
}

// subnets are the ids of the subnets.
func (b balancerSettings) subnets() []string {
	var ids []string
	for _, m := range b.mappings {
		ids = append(ids, m.SubnetID)
	}
	return ids
}

// provision makes a load balancer and everything that a new one has.
func (s *Service) provision(settings balancerSettings, vpcID string) (*loadBalancer, error) {
	ip, err := s.takeAddress()
	if err != nil {
		return nil, err
	}
	path := fmt.Sprintf("%s/%s/%s", settings.kind[:3], settings.name, s.newID()) // app/… or net/…
	b := &loadBalancer{
		number: s.next(), arn: s.arn("loadbalancer/" + path), path: path, settings: settings, vpcID: vpcID,
		created: time.Now(), attributes: map[string]string{}, ip: ip, front: s.Plane.Open(ip),
		dnsName: fmt.Sprintf("%s-%010d.%s.elb.amazonaws.com", settings.name, s.Clock.Uint64()%1e10, s.Region),
	}
	if settings.kind == network {
		b.dnsName = fmt.Sprintf("%s-%s.elb.%s.amazonaws.com", settings.name, path[strings.LastIndex(path, "/")+1:], s.Region)
	}
	if settings.scheme == "internal" && settings.kind == application {
		b.dnsName = "internal-" + b.dnsName
	}
	s.balancers = append(s.balancers, b)
	s.attach(b)
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
		ARN: b.arn, DNSName: b.dnsName, HostedZone: hostedZones[b.settings.kind], Created: timestamp(b.created), Name: b.settings.name,
		Scheme: b.settings.scheme, VPCID: b.vpcID, State: "provisioning", Type: b.settings.kind,
		IPAddressType:  b.settings.addressType,
		SecurityGroups: b.settings.securityGroups, Zones: s.zones(b), PrivateLink: b.privateLnk, SourceNAT: b.settings.sourceNAT,
	}
	if b.settings.pool != "" {
		out.Pools = &ipamPools{b.settings.pool}
	}
	if b.active {
		out.State = "active"
	}
	return out
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

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
	found, err := pick(s.balancers, in.ARNs, func(b *loadBalancer) string { return b.arn }, balancerARN.notFound)
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

func balancerNotFound(name string) error {
	return wire.Errorf("LoadBalancerNotFound", "Load balancer '%s' not found", name)
}

func (s *Service) balancer(arn string) (*loadBalancer, error) {
	if b := find(s.balancers, func(b *loadBalancer) bool { return b.arn == arn }); b != nil {
		return b, nil
	}
	return nil, balancerARN.notFound(arn)
}

type balancerInput struct {
	ARN string `form:"LoadBalancerArn" required:"true"`
}

// deleteLoadBalancer succeeds also when there is nothing to delete.
func (s *Service) deleteLoadBalancer(in balancerInput) (wire.Empty, error) {
	b, err := s.balancer(in.ARN)
	if err != nil {
		return wire.Empty{}, balancerARN.check(in.ARN) // API reference, DeleteLoadBalancer: the call succeeds if it is gone already
	}
	if b.attribute("deletion_protection.enabled") == "true" {
		return wire.Empty{}, wire.Errorf("OperationNotPermitted", "Load balancer '%s' cannot be deleted because deletion protection is enabled", b.arn)
	}
	for _, l := range b.listeners {
		if g := s.groupTargeting(b.arn, l.port); g != nil {
			return wire.Empty{}, wire.Errorf("ResourceInUse", "Load balancer '%s' is currently a target of target group '%s'", b.arn, g.arn)
		}
	}
	s.balancers = slices.DeleteFunc(s.balancers, func(other *loadBalancer) bool { return other == b })
	delete(s.tags, b.arn)
	for _, l := range b.listeners {
		s.forgetListener(l)
	}
	b.listeners, b.active = nil, false
	s.changed(b)
	s.later(func() {
		s.Clock.After(0, b.front.Close) // not under the lock: it waits for sockets
		delete(s.addresses, b.ip)
	})
	s.after(s.Clock.Of(s.Delays.Interfaces), func() { s.Network.Detach(b.path) })
	return wire.Empty{}, nil
}
