package ec2

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

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
