package elbv2

import (
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// defaultPolicy is what a listener has that is made without one ("Security policies for your Application Load
// Balancer", for all ways but the console).
const defaultPolicy = "ELBSecurityPolicy-2016-08"

// policy is one security policy: "Security policies" in the ALB guide and the NLB guide.
type policy struct {
	name      string
	protocols string // the versions, by their last digits: "0123" is TLSv1 to TLSv1.3
	ciphers   []string
}

// The families of ciphers, by their OpenSSL names, in AWS's order of preference.
var (
	tls13    = []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
	tls13AES = tls13[:2]
	gcm      = []string{"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"}
	forward  = []string{
		"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256",
		"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384",
	}
	forwardSHA1 = []string{
		"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256",
		"ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
		"ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA", "ECDHE-ECDSA-AES256-SHA",
	}
	static     = []string{"AES128-GCM-SHA256", "AES128-SHA256", "AES256-GCM-SHA384", "AES256-SHA256"}
	staticSHA1 = []string{"AES128-GCM-SHA256", "AES128-SHA256", "AES128-SHA", "AES256-GCM-SHA384", "AES256-SHA256", "AES256-SHA"}
	all        = slices.Concat(forwardSHA1, staticSHA1)
)

var policies = slices.Concat([]policy{
	{"ELBSecurityPolicy-2016-08", "012", all},
	{"ELBSecurityPolicy-2015-05", "012", all},
	{"ELBSecurityPolicy-TLS-1-0-2015-04", "012", slices.Concat(all, []string{"DES-CBC3-SHA"})},
	{"ELBSecurityPolicy-TLS-1-1-2017-01", "12", all},
	{"ELBSecurityPolicy-TLS-1-2-2017-01", "2", slices.Concat(forward, static)},
	{"ELBSecurityPolicy-TLS-1-2-Ext-2018-06", "2", all},
	{"ELBSecurityPolicy-FS-2018-06", "012", forwardSHA1},
	{"ELBSecurityPolicy-FS-1-1-2019-08", "12", forwardSHA1},
	{"ELBSecurityPolicy-FS-1-2-2019-08", "2", forwardSHA1},
	{"ELBSecurityPolicy-FS-1-2-Res-2019-08", "2", forward},
	{"ELBSecurityPolicy-FS-1-2-Res-2020-10", "2", gcm},
	{"ELBSecurityPolicy-TLS13-1-0-2021-06", "0123", slices.Concat(tls13, all)},
	{"ELBSecurityPolicy-TLS13-1-1-2021-06", "123", slices.Concat(tls13, all)},
	{"ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04", "0123", slices.Concat(tls13AES, all)},
	{"ELBSecurityPolicy-TLS13-1-1-FIPS-2023-04", "123", slices.Concat(tls13AES, all)},
}, families("2021-06", "PQ-2025-09", tls13), families("FIPS-2023-04", "FIPS-PQ-2025-09", tls13AES))

// families makes the policies for TLS 1.2 and 1.3 that exist both with and without post-quantum key exchange.
func families(plain, quantum string, first []string) []policy {
	var out []policy
	for _, ending := range []string{plain, quantum} {
		const start = "ELBSecurityPolicy-TLS13-1-"
		out = append(out,
			policy{start + "2-" + ending, "23", slices.Concat(first, forward)},
			policy{start + "2-Res-" + ending, "23", slices.Concat(first, gcm)},
			policy{start + "2-Ext1-" + ending, "23", slices.Concat(first, forward, static)},
			policy{start + "2-Ext2-" + ending, "23", slices.Concat(first, all)},
			policy{start + "3-" + ending, "3", first},
		)
		if strings.HasPrefix(plain, "FIPS") {
			out = append(out, policy{start + "2-Ext0-" + ending, "23", slices.Concat(first, forwardSHA1)})
		}
	}
	return out
}

func findPolicy(name string) (policy, error) {
	if i := slices.IndexFunc(policies, func(p policy) bool { return p.name == name }); i >= 0 {
		return policies[i], nil
	}
	return policy{}, wire.Errorf("SSLPolicyNotFound", "SSL policy '%s' not found", name)
}

type describeSSLPoliciesInput struct {
	Names        []string
	BalancerType string `form:"LoadBalancerType" enum:"application,network,gateway"`
	paging
}

type describeSSLPoliciesOutput struct {
	Policies   []policyOutput `xml:"SslPolicies>member"`
	NextMarker string         `xml:",omitempty"`
}

type policyOutput struct {
	Protocols []string `xml:"SslProtocols>member"`
	Ciphers   []cipher `xml:"Ciphers>member"`
	Name      string
	Types     []string `xml:"SupportedLoadBalancerTypes>member"`
}

type cipher struct {
	Name     string
	Priority int
}

func (p policy) output() policyOutput {
	out := policyOutput{Name: p.name, Types: []string{"application", "network"}}
	for _, version := range p.protocols {
		out.Protocols = append(out.Protocols, strings.TrimSuffix("TLSv1."+string(version), ".0"))
	}
	for i, name := range p.ciphers {
		out.Ciphers = append(out.Ciphers, cipher{Name: name, Priority: i + 1})
	}
	return out
}

func (s *Service) describeSSLPolicies(in describeSSLPoliciesInput) (describeSSLPoliciesOutput, error) {
	type numbered struct {
		number int
		policy
	}
	var found []numbered
	for _, name := range in.Names {
		if _, err := findPolicy(name); err != nil {
			return describeSSLPoliciesOutput{}, err
		}
	}
	for i, p := range policies {
		if in.BalancerType != "gateway" && (len(in.Names) == 0 || slices.Contains(in.Names, p.name)) {
			found = append(found, numbered{i, p})
		}
	}
	cut, next, err := page(found, in.paging, func(n numbered) int { return n.number })
	out := describeSSLPoliciesOutput{NextMarker: next}
	for _, n := range cut {
		out.Policies = append(out.Policies, n.output())
	}
	return out, err
}
