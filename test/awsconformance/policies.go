package awsconformance

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// documentedPolicies are security policies, their protocols and how many ciphers they have.
var documentedPolicies = map[string]string{
	"ELBSecurityPolicy-2016-08":                   "TLSv1 TLSv1.1 TLSv1.2: 18",
	"ELBSecurityPolicy-TLS-1-0-2015-04":           "TLSv1 TLSv1.1 TLSv1.2: 19",
	"ELBSecurityPolicy-TLS-1-1-2017-01":           "TLSv1.1 TLSv1.2: 18",
	"ELBSecurityPolicy-TLS-1-2-2017-01":           "TLSv1.2: 12",
	"ELBSecurityPolicy-TLS-1-2-Ext-2018-06":       "TLSv1.2: 18",
	"ELBSecurityPolicy-FS-2018-06":                "TLSv1 TLSv1.1 TLSv1.2: 12",
	"ELBSecurityPolicy-FS-1-1-2019-08":            "TLSv1.1 TLSv1.2: 12",
	"ELBSecurityPolicy-FS-1-2-2019-08":            "TLSv1.2: 12",
	"ELBSecurityPolicy-FS-1-2-Res-2019-08":        "TLSv1.2: 8",
	"ELBSecurityPolicy-FS-1-2-Res-2020-10":        "TLSv1.2: 4",
	"ELBSecurityPolicy-TLS13-1-0-2021-06":         "TLSv1 TLSv1.1 TLSv1.2 TLSv1.3: 21",
	"ELBSecurityPolicy-TLS13-1-1-2021-06":         "TLSv1.1 TLSv1.2 TLSv1.3: 21",
	"ELBSecurityPolicy-TLS13-1-2-2021-06":         "TLSv1.2 TLSv1.3: 11",
	"ELBSecurityPolicy-TLS13-1-2-Res-2021-06":     "TLSv1.2 TLSv1.3: 7",
	"ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06":    "TLSv1.2 TLSv1.3: 15",
	"ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06":    "TLSv1.2 TLSv1.3: 21",
	"ELBSecurityPolicy-TLS13-1-3-2021-06":         "TLSv1.3: 3",
	"ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04":    "TLSv1.3: 2",
	"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09":  "TLSv1.2 TLSv1.3: 7",
	"ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09": "TLSv1.2 TLSv1.3: 10",
}

// policies is about security policies and limits.
func policies() []assertion {
	var all []assertion
	for name, want := range inOrder(documentedPolicies) {
		all = append(all, is("policy."+name, name+" speaks "+want+" ciphers", "ALB guide, security policies", want, func(ctx context.Context, f *fixture) (string, error) {
			out, err := f.elb.DescribeSSLPolicies(ctx, &elbv2.DescribeSSLPoliciesInput{Names: []string{name}})
			if err != nil {
				return "", err
			}
			p := out.SslPolicies[0]
			return fmt.Sprintf("%s: %d", strings.Join(p.SslProtocols, " "), len(p.Ciphers)), nil
		}))
	}
	for name, want := range inOrder(map[string]string{
		"application-load-balancers": "50", "network-load-balancers": "50", "target-groups": "3000", "listeners-per-application-load-balancer": "50",
		"rules-per-application-load-balancer": "100", "certificates-per-application-load-balancer": "25", "targets-per-application-load-balancer": "1000",
		"target-groups-per-action-on-application-load-balancer": "5", "condition-values-per-alb-rule": "5",
	}) {
		all = append(all, is("limit."+name, "an account has "+want+" "+name+" by default", "ALB guide and NLB guide, quotas", want, func(ctx context.Context, f *fixture) (string, error) {
			out, err := f.elb.DescribeAccountLimits(ctx, &elbv2.DescribeAccountLimitsInput{})
			if err != nil {
				return "", err
			}
			for _, l := range out.Limits {
				if *l.Name == name {
					return aws.ToString(l.Max), nil
				}
			}
			return "", fmt.Errorf("there is no limit %s", name)
		}))
	}
	return all
}

// secure is about listeners that speak TLS.
func secure() []assertion {
	https := func(change func(*fixture, *elbv2.CreateListenerInput)) func(*fixture, *elbv2.CreateListenerInput) {
		return func(f *fixture, in *elbv2.CreateListenerInput) {
			in.Protocol, in.Certificates = elbv2types.ProtocolEnumHttps, []elbv2types.Certificate{{CertificateArn: &f.certificate}}
			change(f, in)
		}
	}
	nothing := func(*fixture, *elbv2.CreateListenerInput) {}
	described := func(read func(elbv2types.Listener) string) func(context.Context, *fixture) (string, error) {
		return func(ctx context.Context, f *fixture) (string, error) {
			out, err := f.elb.DescribeListeners(ctx, &elbv2.DescribeListenersInput{ListenerArns: []string{f.secureListener}})
			if err != nil {
				return "", err
			}
			return read(out.Listeners[0]), nil
		}
	}
	mutual := func(mode string, change func(*elbv2types.MutualAuthenticationAttributes)) func(*fixture, *elbv2.CreateListenerInput) {
		return https(func(_ *fixture, in *elbv2.CreateListenerInput) {
			in.MutualAuthentication = &elbv2types.MutualAuthenticationAttributes{Mode: &mode}
			change(in.MutualAuthentication)
		})
	}
	plain := func(*elbv2types.MutualAuthenticationAttributes) {}
	return []assertion{
		tryListener("https", "an HTTPS listener needs no more than a certificate", createListenerPage, ok, https(nothing)),
		tryListener("https.no-certificate", "an HTTPS listener needs a certificate", createListenerPage, "ValidationError", https(func(_ *fixture, in *elbv2.CreateListenerInput) { in.Certificates = nil })),
		tryListener("https.two-certificates", "it is made with one certificate", createListenerPage, "ValidationError", https(func(f *fixture, in *elbv2.CreateListenerInput) {
			in.Certificates = append(in.Certificates, elbv2types.Certificate{CertificateArn: &f.second})
		})),
		tryListener("https.unknown-certificate", "the certificate must exist", "API model, CertificateNotFoundException", "CertificateNotFound", https(func(f *fixture, in *elbv2.CreateListenerInput) {
			in.Certificates[0].CertificateArn = aws.String(f.certificate[:len(f.certificate)-12] + "000000000000")
		})),
		tryListener("https.unknown-policy", "the security policy must exist", "API model, SSLPolicyNotFoundException", "SSLPolicyNotFound", https(func(_ *fixture, in *elbv2.CreateListenerInput) {
			in.SslPolicy = aws.String("ELBSecurityPolicy-1999-01")
		})),
		tryListener("https.alpn", "HTTPS listeners have no ALPN policy", createListenerPage, "ValidationError", https(func(_ *fixture, in *elbv2.CreateListenerInput) { in.AlpnPolicy = []string{"HTTP2Only"} })),
		tryListener("https.oidc", "an action may be behind a login", "ALB guide, authenticate users", ok, https(func(_ *fixture, in *elbv2.CreateListenerInput) {
			in.DefaultActions = authenticated("https://id.example.com")
		})),
		tryListener("https.oidc.http", "the identity provider is asked over HTTPS", "API reference, AuthenticateOidcActionConfig", "ValidationError", https(func(_ *fixture, in *elbv2.CreateListenerInput) {
			in.DefaultActions = authenticated("http://id.example.com")
		})),
		tryListener("https.oidc.last", "a login is not the last action", "ALB guide, action types for listener rules", "InvalidLoadBalancerAction", https(func(_ *fixture, in *elbv2.CreateListenerInput) {
			in.DefaultActions = authenticated("https://id.example.com")[:1]
		})),
		tryListener("https.jwt", "an action may be behind a check of tokens", "ALB guide, verify JWTs", ok, https(func(_ *fixture, in *elbv2.CreateListenerInput) {
			in.DefaultActions = verified("https://id.example.com/keys")
		})),
		tryListener("https.jwt.http", "keys are fetched over HTTPS", "ALB guide, verify JWTs", "ValidationError", https(func(_ *fixture, in *elbv2.CreateListenerInput) {
			in.DefaultActions = verified("http://id.example.com/keys")
		})),
		tryListener("https.mutual.passthrough", "clients may show certificates", "ALB guide, mutual authentication with TLS", ok, mutual("passthrough", plain)),
		tryListener("https.mutual.mode", "the mode is off, passthrough or verify", "ALB guide, mutual authentication with TLS", "ValidationError", mutual("maybe", plain)),
		tryListener("https.mutual.no-store", "verifying needs a trust store", "ALB guide, mutual authentication with TLS", "ValidationError", mutual("verify", plain)),
		tryListener("https.mutual.unknown-store", "the trust store must exist", "API model, TrustStoreNotFoundException", "TrustStoreNotFound", mutual("verify", func(m *elbv2types.MutualAuthenticationAttributes) {
			m.TrustStoreArn = aws.String("arn:aws:elasticloadbalancing:us-west-2:123456789012:truststore/none/0000000000000000")
		})),
		is("listener.https.policy", "the security policy is ELBSecurityPolicy-2016-08 unless given", "ALB guide, security policies", "ELBSecurityPolicy-2016-08", described(func(l elbv2types.Listener) string { return aws.ToString(l.SslPolicy) })),
		is("listener.https.mutual", "clients need no certificate unless asked for", createListenerPage, "off", described(func(l elbv2types.Listener) string { return aws.ToString(l.MutualAuthentication.Mode) })),
		is("listener.secret", "a client secret is never shown", "API reference, AuthenticateOidcActionConfig", true, func(ctx context.Context, f *fixture) (bool, error) {
			out, err := f.elb.CreateRule(ctx, f.ruleInput(30, func(in *elbv2.CreateRuleInput) {
				in.ListenerArn, in.Actions = &f.secureListener, authenticated("https://id.example.com")
			}))
			if err != nil {
				return false, err
			}
			_, err = f.elb.DeleteRule(ctx, &elbv2.DeleteRuleInput{RuleArn: out.Rules[0].RuleArn})
			return out.Rules[0].Actions[0].AuthenticateOidcConfig.ClientSecret == nil, err
		}),
	}
}
