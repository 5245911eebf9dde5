package ec2

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// elasticAddress is a public address of the account.
type elasticAddress struct {
	number int
	id     string // of the allocation
	public string
	owner  string // the load balancer's name for itself, or empty
	eni    *networkInterface
}

func (n *Network) allocation(id string) *elasticAddress {
	return find(n.addresses, func(a *elasticAddress) bool { return a.id == id })
}

// releaseAll takes all addresses from a load balancer.
func (n *Network) releaseAll(owner string) {
	for _, a := range n.addresses {
		if a.owner == owner {
			a.owner, a.eni = "", nil
		}
	}
}

// Allocation finds the public address of an allocation.
func (n *Network) Allocation(id string) (public string, found bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a := n.allocation(id); a != nil {
		return a.public, true
	}
	return "", false
}

// AllocationUser is the load balancer that has an address, or "".
func (n *Network) AllocationUser(id string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a := n.allocation(id); a != nil {
		return a.owner
	}
	return ""
}

type allocateInput struct {
	Domain  string             `enum:"vpc"`
	Address string             `form:"Address"`
	Tags    []TagSpecification `form:"TagSpecification"`
	DryRun  bool
}

type allocateOutput struct {
	ID     string `xml:"allocationId"`
	Public string `xml:"publicIp"`
	Domain string `xml:"domain"`
	Pool   string `xml:"publicIpv4Pool"`
	Border string `xml:"networkBorderGroup"`
}

// allocateAddress gives addresses of 198.51.100.0/24 and 203.0.113.0/24, which are nobody's (RFC 5737).
func (n *Network) allocateAddress(in allocateInput) (allocateOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	tags, err := tagsFor("elastic-ip", in.Tags)
	switch {
	case err != nil:
		return allocateOutput{}, err
	case in.DryRun:
		return allocateOutput{}, errDryRun
	case in.Address != "":
		return allocateOutput{}, wire.Errorf("InvalidAddress.NotFound", "Address '%s' not found", in.Address)
	case len(n.addresses) >= n.limits[quota.AddressesPerRegion]:
		return allocateOutput{}, wire.Errorf("AddressLimitExceeded", "The maximum number of addresses has been reached.")
	}
	a := &elasticAddress{number: n.next(), id: n.newID("eipalloc"), public: n.freePublic()}
	n.addresses = append(n.addresses, a)
	n.setTags(a.id, tags)
	return allocateOutput{ID: a.id, Public: a.public, Domain: "vpc", Pool: "amazon", Border: n.region}, nil
}

func (n *Network) freePublic() string {
	for i := 1; ; i++ {
		address := fmt.Sprintf("203.0.113.%d", i)
		if i > 254 {
			address = fmt.Sprintf("198.51.100.%d", i-254)
		}
		if !slices.ContainsFunc(n.addresses, func(a *elasticAddress) bool { return a.public == address }) {
			return address
		}
	}
}

type releaseInput struct {
	ID     string `form:"AllocationId" required:"true"`
	DryRun bool
}

func (n *Network) releaseAddress(in releaseInput) (returned, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.allocation(in.ID)
	switch {
	case in.DryRun:
		return returned{}, errDryRun
	case a == nil:
		return returned{}, allocationNotFound(in.ID)
	case a.owner != "":
		return returned{}, wire.Errorf("InvalidIPAddress.InUse", "Address %s is in use.", a.public)
	}
	n.addresses = slices.DeleteFunc(n.addresses, func(other *elasticAddress) bool { return other == a })
	delete(n.tags, a.id)
	return returned{Return: true}, nil
}

func allocationNotFound(id string) error {
	return wire.Errorf("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", id)
}

type describeAddressesInput struct {
	IDs     []string `form:"AllocationId"`
	Public  []string `form:"PublicIp"`
	Filters []Filter `form:"Filter"`
	DryRun  bool
}

type describeAddressesOutput struct {
	Addresses []addressOutput `xml:"addressesSet>item"`
}

type addressOutput struct {
	ID          string `xml:"allocationId"`
	Association string `xml:"associationId,omitempty"`
	Public      string `xml:"publicIp"`
	Domain      string `xml:"domain"`
	Interface   string `xml:"networkInterfaceId,omitempty"`
	Owner       string `xml:"networkInterfaceOwnerId,omitempty"`
	Private     string `xml:"privateIpAddress,omitempty"`
	Pool        string `xml:"publicIpv4Pool"`
	Border      string `xml:"networkBorderGroup"`
	Tags        []Tag  `xml:"tagSet>item"`
}

var addressKind = kind[*elasticAddress]{
	number: func(a *elasticAddress) int { return a.number },
	id:     func(a *elasticAddress) string { return a.id },
	properties: properties[*elasticAddress]{
		"allocation-id": one(func(a *elasticAddress) string { return a.id }),
		"public-ip":     one(func(a *elasticAddress) string { return a.public }),
		"domain":        one(func(*elasticAddress) string { return "vpc" }),
		"network-interface-id": func(a *elasticAddress) []string {
			if a.eni == nil {
				return nil
			}
			return []string{a.eni.id}
		},
	},
}

func (n *Network) describeAddresses(in describeAddressesInput) (describeAddressesOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, public := range in.Public {
		if !slices.ContainsFunc(n.addresses, func(a *elasticAddress) bool { return a.public == public }) {
			return describeAddressesOutput{}, wire.Errorf("InvalidAddress.NotFound", "Address '%s' not found.", public)
		}
	}
	found, _, err := list(n, addressKind, n.addresses, in.IDs, allocationNotFound, Query{Filters: in.Filters, DryRun: in.DryRun})
	var out describeAddressesOutput
	for _, a := range found {
		if len(in.Public) > 0 && !slices.Contains(in.Public, a.public) {
			continue
		}
		shown := addressOutput{ID: a.id, Public: a.public, Domain: "vpc", Pool: "amazon", Border: n.region, Tags: n.tagSet(a.id)}
		if a.eni != nil {
			shown.Association = "eipassoc-" + strings.TrimPrefix(a.id, "eipalloc-")
			shown.Interface, shown.Owner, shown.Private = a.eni.id, "amazon-elb", a.eni.address.String()
		}
		out.Addresses = append(out.Addresses, shown)
	}
	return out, err
}
