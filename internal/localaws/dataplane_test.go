package localaws_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/sluice-lb/sluice/internal/localaws"
)

// certificate requests a certificate and waits until it is issued.
func (c *cloud) certificate(name string) string {
	c.Helper()
	client := acm.New(acm.Options{
		Region: "us-west-2", BaseEndpoint: aws.String(c.URL()), Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})
	arn := must(client.RequestCertificate(c.Context(), &acm.RequestCertificateInput{
		DomainName: &name, ValidationMethod: acmtypes.ValidationMethodDns, KeyAlgorithm: acmtypes.KeyAlgorithmEcPrime256v1,
	}))(c).CertificateArn
	eventually(c, "the certificate", func() acmtypes.CertificateStatus {
		return must(client.DescribeCertificate(c.Context(), &acm.DescribeCertificateInput{CertificateArn: arn}))(c).Certificate.Status
	}, acmtypes.CertificateStatusIssued)
	return *arn
}

// browser trusts every certificate, keeps cookies, and comes to the address whatever name it asks for.
func browser(address string) *http.Client {
	jar, _ := cookiejar.New(nil) // it has no error
	return &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the name is what is tested
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, address)
			},
		},
	}
}

// page is what a browser got: status, protocol, the certificate's name, body or where to go.
func (c *cloud) page(client *http.Client, url string) string {
	c.Helper()
	request, err := http.NewRequestWithContext(c.Context(), http.MethodGet, url, nil)
	if err != nil {
		c.Fatal(err)
	}
	answer := must(client.Do(request))(c)
	defer func() { _ = answer.Body.Close() }()
	text := fmt.Sprint(answer.StatusCode, " ", answer.Proto)
	if answer.TLS != nil {
		text += " " + answer.TLS.PeerCertificates[0].DNSNames[0]
	}
	location, _, _ := strings.Cut(answer.Header.Get("Location"), "&state=")
	return strings.TrimSpace(text + " " + string(must(io.ReadAll(answer.Body))(c)) + location)
}

func TestHTTPSFromACMToTarget(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	target := c.server("", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host+r.RequestURI+" by "+r.Header.Get("X-Forwarded-Proto"))
	}).Listener.Addr().String()
	balancer := c.loadBalancer("web")
	group := c.targetGroup("web", nil)
	first, second := c.certificate("shop.example.com"), c.certificate("*.example.org")
	listener := must(c.elb.CreateListener(t.Context(), &elbv2.CreateListenerInput{
		LoadBalancerArn: balancer.LoadBalancerArn, Port: aws.Int32(8443), Protocol: elbv2types.ProtocolEnumHttps,
		Certificates: []elbv2types.Certificate{{CertificateArn: &first}}, DefaultActions: forwardTo(group),
	}))(c).Listeners[0].ListenerArn
	must(c.elb.AddListenerCertificates(t.Context(), &elbv2.AddListenerCertificatesInput{
		ListenerArn: listener, Certificates: []elbv2types.Certificate{{CertificateArn: &second}},
	}))(c)
	must(c.elb.CreateRule(t.Context(), &elbv2.CreateRuleInput{
		ListenerArn: listener, Priority: aws.Int32(1), Actions: forwardTo(group),
		Conditions: []elbv2types.RuleCondition{{
			Field: aws.String("path-pattern"), PathPatternConfig: &elbv2types.PathPatternConditionConfig{RegexValues: []string{"^/old/[0-9]+$"}},
		}},
		Transforms: []elbv2types.RuleTransform{{
			Type: elbv2types.TransformTypeEnumUrlRewrite, UrlRewriteConfig: &elbv2types.UrlRewriteConfig{
				Rewrites: []elbv2types.RewriteConfig{{Regex: aws.String("^/old/(.*)$"), Replace: aws.String("/new/$1?x=y")}},
			},
		}},
	}))(c)
	must(c.elb.CreateRule(t.Context(), &elbv2.CreateRuleInput{
		ListenerArn: listener, Priority: aws.Int32(2), Conditions: []elbv2types.RuleCondition{pathIs("/private")},
		Actions: []elbv2types.Action{{
			Type: elbv2types.ActionTypeEnumAuthenticateOidc, Order: aws.Int32(1),
			AuthenticateOidcConfig: &elbv2types.AuthenticateOidcActionConfig{
				Issuer: aws.String("https://idp.example.com"), AuthorizationEndpoint: aws.String("https://idp.example.com/authorize"),
				TokenEndpoint: aws.String("https://idp.example.com/token"), UserInfoEndpoint: aws.String("https://idp.example.com/me"),
				ClientId: aws.String("id"), ClientSecret: aws.String("secret"),
			},
		}, {Type: elbv2types.ActionTypeEnumForward, TargetGroupArn: &group, Order: aws.Int32(2)}},
	}))(c)
	c.register(group, target)
	eventually(c, "health", func() string { return c.health(group, target) }, "healthy")
	client := browser(c.address(*balancer.DNSName, 8443))
	const login = "https://idp.example.com/authorize?client_id=id&response_type=code&scope=openid" +
		"&redirect_uri=https%3A%2F%2Fshop.example.com%2Foauth2%2Fidpresponse"
	for url, want := range map[string]string{
		"https://shop.example.com/a?b":      "200 HTTP/2.0 shop.example.com shop.example.com/a?b by https",
		"https://www.example.org/":          "200 HTTP/2.0 *.example.org www.example.org/ by https",
		"https://shop.example.com/old/12":   "200 HTTP/2.0 shop.example.com shop.example.com/new/12?x=y by https",
		"https://shop.example.com/private":  "302 HTTP/2.0 shop.example.com " + login,
		"https://elsewhere.example.net/old": "200 HTTP/2.0 shop.example.com elsewhere.example.net/old by https",
	} {
		eventually(c, url, func() string { return c.page(client, url) }, want)
	}
}

func TestPassingAuthentication(t *testing.T) {
	t.Parallel()
	c := start(t, func(config *localaws.Config) { config.Authentication = "pass" })
	balancer := c.loadBalancer("web")
	certificate := c.certificate("shop.example.com")
	actions := append([]elbv2types.Action{{
		Type: elbv2types.ActionTypeEnumAuthenticateCognito, Order: aws.Int32(1),
		AuthenticateCognitoConfig: &elbv2types.AuthenticateCognitoActionConfig{
			UserPoolArn: aws.String("arn:aws:cognito-idp:us-west-2:123456789012:userpool/us-west-2_abc"), UserPoolClientId: aws.String("id"), UserPoolDomain: aws.String("me"),
		},
	}}, fixed("200", "in")...)
	actions[1].Order = aws.Int32(2)
	must(c.elb.CreateListener(t.Context(), &elbv2.CreateListenerInput{
		LoadBalancerArn: balancer.LoadBalancerArn, Port: aws.Int32(8443), Protocol: elbv2types.ProtocolEnumHttps,
		Certificates: []elbv2types.Certificate{{CertificateArn: &certificate}}, DefaultActions: actions,
	}))(c)
	got := c.page(browser(c.address(*balancer.DNSName, 8443)), "https://shop.example.com/")
	if want := "200 HTTP/2.0 shop.example.com in"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestStickinessByAttributes(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	address, _, group := c.serving(c.server("one", nil).Listener.Addr().String(), c.server("two", nil).Listener.Addr().String())
	visits := func() int {
		client, seen := browser(address), map[string]bool{}
		for range 6 {
			seen[c.page(client, "http://shop.example.com/")] = true
		}
		return len(seen)
	}
	if got := visits(); got != 2 {
		t.Errorf("a client met %d targets", got)
	}
	must(c.elb.ModifyTargetGroupAttributes(t.Context(), &elbv2.ModifyTargetGroupAttributesInput{
		TargetGroupArn: &group, Attributes: []elbv2types.TargetGroupAttribute{{Key: aws.String("stickiness.enabled"), Value: aws.String("true")}},
	}))(c)
	eventually(c, "how many targets a client meets", visits, 1)
}

// networkBalancer is a network load balancer with one listener that forwards to the group.
func (c *cloud) networkBalancer(port int32, group string) (address string) {
	c.Helper()
	b := must(c.elb.CreateLoadBalancer(c.Context(), &elbv2.CreateLoadBalancerInput{
		Name: aws.String("net"), Type: elbv2types.LoadBalancerTypeEnumNetwork, Subnets: []string{"subnet-a", "subnet-b"},
	}))(c).LoadBalancers[0]
	must(c.elb.CreateListener(c.Context(), &elbv2.CreateListenerInput{
		LoadBalancerArn: b.LoadBalancerArn, Port: &port, Protocol: elbv2types.ProtocolEnumTcp, DefaultActions: forwardTo(group),
	}))(c)
	return c.address(*b.DNSName, int(port))
}

func TestNetworkLoadBalancer(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	servers := []*httptest.Server{c.server("one", nil), c.server("two", nil)}
	group := c.targetGroup("net", func(in *elbv2.CreateTargetGroupInput) {
		in.Protocol, in.HealthCheckIntervalSeconds = elbv2types.ProtocolEnumTcp, aws.Int32(10)
		in.HealthCheckPath, in.HealthCheckProtocol, in.Matcher = nil, elbv2types.ProtocolEnumTcp, nil
	})
	address := c.networkBalancer(9000, group)
	for _, s := range servers {
		c.register(group, s.Listener.Addr().String())
	}
	for _, s := range servers {
		eventually(c, "health", func() string { return c.health(group, s.Listener.Addr().String()) }, "healthy")
	}
	held := browser(address) // its connection stays open
	home := c.page(held, "http://x.com/")
	number := map[string]int{"200 HTTP/1.1 one": 0, "200 HTTP/1.1 two": 1}[home]
	c.deregister(group, servers[number].Listener.Addr().String())
	eventually(c, "where new connections go", func() string { return c.page(browser(address), "http://x.com/") }, "200 HTTP/1.1 "+[]string{"two", "one"}[number])
	if got := c.page(held, "http://x.com/"); got != home {
		t.Errorf("the connection that was open went to %s, not %s", got, home)
	}
}

func TestApplicationLoadBalancerBehindANetworkLoadBalancer(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	inner, _, _ := c.serving(c.server("inner", nil).Listener.Addr().String())
	if inner == "" {
		t.Fatal("no address")
	}
	arn := must(c.elb.DescribeLoadBalancers(t.Context(), &elbv2.DescribeLoadBalancersInput{}))(c).LoadBalancers[0].LoadBalancerArn
	group := *must(c.elb.CreateTargetGroup(t.Context(), &elbv2.CreateTargetGroupInput{
		Name: aws.String("alb"), TargetType: elbv2types.TargetTypeEnumAlb, Protocol: elbv2types.ProtocolEnumTcp, Port: aws.Int32(listenPort),
		VpcId: aws.String("vpc-1"), HealthCheckProtocol: elbv2types.ProtocolEnumHttp,
	}))(c).TargetGroups[0].TargetGroupArn
	address := c.networkBalancer(9000, group)
	must(c.elb.RegisterTargets(t.Context(), &elbv2.RegisterTargetsInput{
		TargetGroupArn: &group, Targets: []elbv2types.TargetDescription{{Id: arn, Port: aws.Int32(listenPort)}},
	}))(c)
	eventually(c, "health", func() elbv2types.TargetHealthStateEnum {
		out := must(c.elb.DescribeTargetHealth(t.Context(), &elbv2.DescribeTargetHealthInput{TargetGroupArn: &group}))(c)
		return out.TargetHealthDescriptions[0].TargetHealth.State
	}, elbv2types.TargetHealthStateEnumHealthy)
	if got := c.page(browser(address), "http://x.com/"); got != "200 HTTP/1.1 inner" {
		t.Errorf("got %s", got)
	}
}
