package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/lab/program"
)

// row is an annotation, and what the far end shows when an Ingress bears it.
type row struct {
	name, value string
	shows       func(far) string
	want        string
}

func namesOf(rows []row) []string {
	var names []string
	for _, r := range rows {
		if r.name == "listener-attributes.HTTP-8081" {
			r.name = "listener-attributes.<protocol>-<port>"
		}
		names = append(names, r.name)
	}
	return names
}

var rowsOfALoadBalancer = []row{
	{"load-balancer-name", "e2e-rows", func(f far) string { return *f.balancer.LoadBalancerName }, "e2e-rows"},
	{"tags", "team=shop", func(f far) string { return f.tag("team") }, "shop"},
	{"subnets", "lab-us-west-2b, lab-us-west-2a", far.zones, "us-west-2a us-west-2b"},
	{"load-balancer-attributes", "idle_timeout.timeout_seconds=77", func(f far) string { return f.attribute("idle_timeout.timeout_seconds") }, "77"},
	{"listen-ports", `[{"HTTP": 80}, {"HTTP": 8081}]`, far.ports, "80 8081"},
	{"listener-attributes.HTTP-8081", "routing.http.response.server.enabled=false", func(f far) string { return f.listenerAttribute(8081, "routing.http.response.server.enabled") }, "false"},
	{"inbound-cidrs", "127.0.0.0/8", func(f far) string { return f.letsIn(80) }, "127.0.0.0/8 pl-0123456789abcdef0"},
	{"security-group-prefix-lists", "pl-0123456789abcdef0", func(f far) string { return f.letsIn(8081) }, "127.0.0.0/8 pl-0123456789abcdef0"},
}

var rowsOfATargetGroup = []row{
	{"backend-protocol", "HTTPS", func(f far) string { return string(f.group().Protocol) }, "HTTPS"},
	{"target-group-attributes", "deregistration_delay.timeout_seconds=7", func(f far) string { return f.groupAttribute("deregistration_delay.timeout_seconds") }, "7"},
	{"healthcheck-port", "8081", func(f far) string { return *f.group().HealthCheckPort }, "8081"},
	{"healthcheck-protocol", "HTTP", func(f far) string { return string(f.group().HealthCheckProtocol) }, "HTTP"},
	{"healthcheck-path", "/healthz", func(f far) string { return *f.group().HealthCheckPath }, "/healthz"},
	{"healthcheck-interval-seconds", "11", func(f far) string { return fmt.Sprint(*f.group().HealthCheckIntervalSeconds) }, "11"},
	{"healthcheck-timeout-seconds", "3", func(f far) string { return fmt.Sprint(*f.group().HealthCheckTimeoutSeconds) }, "3"},
	{"healthy-threshold-count", "4", func(f far) string { return fmt.Sprint(*f.group().HealthyThresholdCount) }, "4"},
	{"unhealthy-threshold-count", "5", func(f far) string { return fmt.Sprint(*f.group().UnhealthyThresholdCount) }, "5"},
	{"success-codes", "200-204", func(f far) string { return *f.group().Matcher.HttpCode }, "200-204"},
	{"target-node-labels", "kubernetes.io/hostname=node-1", far.targets, "one node"},
	{"multi-cluster-target-group", "true", func(f far) string {
		return f.s.kubectl("get", "targetgroupbindings", "-o", "jsonpath={.items[0].spec.multiClusterTargetGroup}")
	}, "true"},
}

// expectRows makes an Ingress of the rows, and asks until the far end shows all of them.
func (s *scene) expectRows(targetType string, rows []row) {
	s.t.Helper()
	annotated := []string{"alb.ingress.kubernetes.io/target-type: " + targetType}
	for _, r := range rows {
		annotated = append(annotated, fmt.Sprintf("alb.ingress.kubernetes.io/%s: '%s'", r.name, r.value))
	}
	s.apply(annotatedIngress("web", annotated, pathTo("/", "Prefix", "web", "number: 80")))
	f := s.far("web")
	for _, r := range rows {
		s.eventually(fmt.Sprintf("%s=%s shows as %q", r.name, r.value, r.want), func() bool { return r.shows(f) == r.want })
	}
}

// annotatedIngress has paths of one host, "shop.example.com".
func annotatedIngress(name string, annotated []string, paths ...string) string {
	return "\n\tapiVersion: networking.k8s.io/v1\n\tkind: Ingress\n\tmetadata:\n\t  name: " + name + "\n\t  annotations:\n\t    " + strings.Join(annotated, "\n\t    ") +
		"\n\tspec:\n\t  ingressClassName: alb\n\t  rules:\n\t  - host: shop.example.com\n\t    http:\n\t      paths:\n\t      - " + strings.Join(paths, "\n\t      - ") + "\n"
}

func pathTo(path, kind, service, port string) string {
	return fmt.Sprintf(`{path: "%s", pathType: %s, backend: {service: {name: %s, port: {%s}}}}`, path, kind, service, port)
}

// far is the far end of an Ingress: its load balancer in AWS.
type far struct {
	*account
	s        *scene
	balancer elbv2types.LoadBalancer
}

// far waits for the load balancer of an Ingress.
func (s *scene) far(ingress string) far {
	s.t.Helper()
	f := far{account: accountOf(s.t, s.lab), s: s}
	s.eventually("Ingress "+ingress+" has a load balancer", func() bool { return s.hostname(ingress) != "" })
	for _, balancer := range f.loadBalancers() {
		if strings.EqualFold(aws.ToString(balancer.DNSName), s.hostname(ingress)) {
			f.balancer = balancer
			return f
		}
	}
	s.t.Fatalf("AWS has no load balancer %s", s.hostname(ingress))
	return f
}

// fatal ends the test where AWS refuses to answer.
func fatal[V any](f far, value V, err error) V {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
	return value
}

func (f far) attribute(key string) string {
	out, err := f.elb.DescribeLoadBalancerAttributes(f.t.Context(), &elbv2.DescribeLoadBalancerAttributesInput{LoadBalancerArn: f.balancer.LoadBalancerArn})
	for _, attribute := range fatal(f, out, err).Attributes {
		if *attribute.Key == key {
			return *attribute.Value
		}
	}
	return ""
}

func (f far) tag(key string) string {
	out, err := f.elb.DescribeTags(f.t.Context(), &elbv2.DescribeTagsInput{ResourceArns: []string{*f.balancer.LoadBalancerArn}})
	for _, tag := range fatal(f, out, err).TagDescriptions[0].Tags {
		if *tag.Key == key {
			return *tag.Value
		}
	}
	return ""
}

func (f far) zones() string {
	var zones []string
	for _, zone := range f.balancer.AvailabilityZones {
		zones = append(zones, *zone.ZoneName)
	}
	slices.Sort(zones)
	return strings.Join(zones, " ")
}

func (f far) listeners() []elbv2types.Listener {
	out, err := f.elb.DescribeListeners(f.t.Context(), &elbv2.DescribeListenersInput{LoadBalancerArn: f.balancer.LoadBalancerArn})
	return fatal(f, out, err).Listeners
}

func (f far) listener(port int32) *elbv2types.Listener {
	for _, listener := range f.listeners() {
		if *listener.Port == port {
			return &listener
		}
	}
	return nil
}

func (f far) ports() string {
	var ports []string
	for _, listener := range f.listeners() {
		ports = append(ports, fmt.Sprint(*listener.Port))
	}
	slices.Sort(ports)
	return strings.Join(ports, " ")
}

func (f far) listenerAttribute(port int32, key string) string {
	listener := f.listener(port)
	if listener == nil {
		return ""
	}
	out, err := f.elb.DescribeListenerAttributes(f.t.Context(), &elbv2.DescribeListenerAttributesInput{ListenerArn: listener.ListenerArn})
	for _, attribute := range fatal(f, out, err).Attributes {
		if *attribute.Key == key {
			return *attribute.Value
		}
	}
	return ""
}

// groups are the target groups of the load balancer.
func (f far) groups() []elbv2types.TargetGroup {
	out, err := f.elb.DescribeTargetGroups(f.t.Context(), &elbv2.DescribeTargetGroupsInput{LoadBalancerArn: f.balancer.LoadBalancerArn})
	return fatal(f, out, err).TargetGroups
}

// group is the one target group, or one that says nothing while there is none.
func (f far) group() elbv2types.TargetGroup {
	if groups := f.groups(); len(groups) == 1 {
		return groups[0]
	}
	nothing, none := "", int32(0)
	return elbv2types.TargetGroup{
		HealthCheckPort: &nothing, HealthCheckPath: &nothing, HealthCheckIntervalSeconds: &none, HealthCheckTimeoutSeconds: &none,
		HealthyThresholdCount: &none, UnhealthyThresholdCount: &none, Matcher: &elbv2types.Matcher{HttpCode: &nothing},
	}
}

func (f far) groupAttribute(key string) string {
	arn := f.group().TargetGroupArn
	if arn == nil {
		return ""
	}
	out, err := f.elb.DescribeTargetGroupAttributes(f.t.Context(), &elbv2.DescribeTargetGroupAttributesInput{TargetGroupArn: arn})
	for _, attribute := range fatal(f, out, err).Attributes {
		if *attribute.Key == key {
			return *attribute.Value
		}
	}
	return ""
}

// targets says "one node" where the group has node-1 with a node port, and nothing else.
func (f far) targets() string {
	arn := f.group().TargetGroupArn
	if arn == nil {
		return ""
	}
	members := f.members(*arn)
	for _, node := range f.s.nodes() {
		id := node.Spec.ProviderID[strings.LastIndex(node.Spec.ProviderID, "/")+1:]
		if node.Name == "node-1" && len(members) == 1 && strings.HasPrefix(members[0], id+":3") {
			return "one node"
		}
	}
	return strings.Join(members, " ")
}

func ec2Of(a *account) *ec2.Client {
	return ec2.New(ec2.Options{BaseEndpoint: &a.url, Region: "us-west-2", Credentials: credentials.NewStaticCredentialsProvider("AKIASLUICETEST000000", "not-a-secret", "")})
}

// letsIn are the ranges and lists that the load balancer's security groups let in to a port.
func (f far) letsIn(port int32) string {
	out, err := ec2Of(f.account).DescribeSecurityGroups(f.t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: f.balancer.SecurityGroups})
	var from []string
	for _, group := range fatal(f, out, err).SecurityGroups {
		for _, permission := range group.IpPermissions {
			if aws.ToInt32(permission.FromPort) != port {
				continue
			}
			for _, one := range permission.IpRanges {
				from = append(from, *one.CidrIp)
			}
			for _, one := range permission.PrefixListIds {
				from = append(from, *one.PrefixListId)
			}
		}
	}
	slices.Sort(from)
	return strings.Join(from, " ")
}

func TestRowsOfALoadBalancer(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(deployment)
	s.expectRows("ip", rowsOfALoadBalancer)
	s.kubectl("delete", "ingress", "web", "--timeout=80s")
}

func TestRowsOfATargetGroup(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(deployment + "---" + nodeService)
	s.expectRows("instance", rowsOfATargetGroup)
	s.kubectl("delete", "ingress", "web", "--timeout=80s")
}

func TestRowsOfSecurityGroups(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	account := accountOf(t, s.lab)
	made, err := ec2Of(account).CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{
		GroupName: aws.String(s.namespace), Description: aws.String("by hand"), VpcId: aws.String(account.vpc()),
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: "security-group", Tags: []ec2types.Tag{{Key: aws.String("Name"), Value: aws.String("e2e-office")}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.apply(deployment + "---" + annotatedIngress("web", []string{
		"alb.ingress.kubernetes.io/target-type: ip", "alb.ingress.kubernetes.io/security-groups: e2e-office",
		"alb.ingress.kubernetes.io/manage-backend-security-group-rules: 'true'",
	}, pathTo("/", "Prefix", "web", "number: 80")))
	f := s.far("web")
	if groups := f.balancer.SecurityGroups; len(groups) != 2 || groups[0] != *made.GroupId {
		t.Errorf("the load balancer has the security groups %v, want %s and the one that all share", groups, *made.GroupId)
	}
	s.eventually("targets let the shared group in", func() bool {
		from := s.kubectl("get", "targetgroupbindings", "-o", "jsonpath={.items[*].spec.networking.ingress[*].from[*].securityGroup.groupID}")
		return from == f.balancer.SecurityGroups[1]
	})
	s.kubectl("delete", "ingress", "web", "--timeout=80s")
}

// The address type of a load balancer is changed in place, there and back.
func TestRowOfTheAddressType(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	typed := func(addressType string) {
		s.apply(annotatedIngress("web", []string{"alb.ingress.kubernetes.io/target-type: ip", "alb.ingress.kubernetes.io/ip-address-type: " + addressType},
			pathTo("/", "Prefix", "web", "number: 80")))
	}
	s.apply(deployment)
	typed("dualstack")
	f := s.far("web")
	if got := f.balancer.IpAddressType; got != elbv2types.IpAddressTypeDualstack {
		t.Errorf("the load balancer is %s", got)
	}
	s.eventually("it serves", func() bool { return f.fetch(80, "/").status == http.StatusOK })
	typed("ipv4")
	s.eventually("the same load balancer is IPv4 only", func() bool {
		now := s.far("web").balancer
		return *now.LoadBalancerArn == *f.balancer.LoadBalancerArn && now.IpAddressType == elbv2types.IpAddressTypeIpv4
	})
	s.kubectl("delete", "ingress", "web", "--timeout=80s")
}

// answer is what a load balancer answers to one request.
type answer struct {
	status int
	body   string
	header http.Header
	serial *big.Int // of the certificate
}

// fetch sends one request to a listener as host shop.example.com, with HTTP/2 where that can be
// agreed upon, and follows no redirect.
func (f far) fetch(port int, path string, headers ...string) answer {
	f.t.Helper()
	addresses, err := localaws.Admin{URL: f.url}.Addresses(f.t.Context())
	i := slices.IndexFunc(fatal(f, addresses, err), func(one localaws.Address) bool {
		return strings.EqualFold(one.DNSName, *f.balancer.DNSName) && one.Port == port
	})
	if i < 0 {
		return answer{}
	}
	scheme := "http"
	if port == 443 {
		scheme = "https"
	}
	client := http.Client{
		Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "shop.example.com"}},
	}
	request := fatal(f, first(http.NewRequestWithContext(f.t.Context(), http.MethodGet, scheme+"://"+addresses[i].Address+path, nil)), nil)
	request.Host = "shop.example.com"
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	out := answer{status: response.StatusCode, body: string(body), header: response.Header}
	if response.TLS != nil {
		out.serial = response.TLS.PeerCertificates[0].SerialNumber
	}
	return out
}

func first[V any](value V, _ error) V { return value }

// importCertificate brings a certificate of its own for shop.example.com, or for other hosts.
func (a *account) importCertificate(hosts ...string) (arn string, serial *big.Int) {
	a.t.Helper()
	if len(hosts) == 0 {
		hosts = []string{"shop.example.com"}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	serial = big.NewInt(time.Now().UnixNano())
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: hosts[0]}, DNSNames: hosts,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	client := acm.New(acm.Options{BaseEndpoint: &a.url, Region: "us-west-2", Credentials: credentials.NewStaticCredentialsProvider("AKIASLUICETEST000000", "not-a-secret", "")})
	out, err := client.ImportCertificate(a.t.Context(), &acm.ImportCertificateInput{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		PrivateKey:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return *out.CertificateArn, serial
}

func TestRowsOfHTTPS(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	arn, serial := accountOf(t, s.lab).importCertificate()
	s.apply(deployment + "---" + annotatedIngress("web", []string{
		"alb.ingress.kubernetes.io/target-type: ip", "alb.ingress.kubernetes.io/certificate-arn: " + arn,
		`alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 80}, {"HTTPS": 443}]'`, "alb.ingress.kubernetes.io/ssl-redirect: '443'",
		"alb.ingress.kubernetes.io/ssl-policy: ELBSecurityPolicy-TLS13-1-2-2021-06", "alb.ingress.kubernetes.io/backend-protocol-version: HTTP2",
	}, pathTo("/", "Prefix", "web", "number: 80")))
	f := s.far("web")
	s.eventually("HTTP leads to HTTPS", func() bool {
		got := f.fetch(80, "/cart")
		return got.status == http.StatusMovedPermanently && got.header.Get("Location") == "https://shop.example.com:443/cart"
	})
	s.eventually("a Pod answers behind the certificate", func() bool {
		got := f.fetch(443, "/cart")
		return got.status == http.StatusOK && got.serial.Cmp(serial) == 0
	})
	if got := aws.ToString(f.listener(443).SslPolicy); got != "ELBSecurityPolicy-TLS13-1-2-2021-06" {
		t.Errorf("the policy is %s", got)
	}
	if got := aws.ToString(f.group().ProtocolVersion); got != "HTTP2" {
		t.Errorf("the version is %s", got)
	}
	s.kubectl("delete", "ingress", "web", "--timeout=80s")
}

func TestRowsOfRules(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	group := "alb.ingress.kubernetes.io/group.name: " + s.namespace
	says := func(action, text string) string {
		return fmt.Sprintf(`alb.ingress.kubernetes.io/actions.%s: '{"type":"fixed-response","fixedResponseConfig":{"contentType":"text/plain","statusCode":"200","messageBody":"%s"}}'`, action, text)
	}
	s.apply(deployment + "---" + annotatedIngress("a", []string{
		group, "alb.ingress.kubernetes.io/group.order: '2'", "alb.ingress.kubernetes.io/target-type: ip", says("who", "a"), says("hello", "hello"),
		`alb.ingress.kubernetes.io/conditions.hello: '[{"field":"http-header","httpHeaderConfig":{"httpHeaderName":"X-Shop","values":["1"]}}]'`,
		`alb.ingress.kubernetes.io/transforms.web: '[{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"regex":"^/old/(.*)$","replace":"/new/$1"}]}}]'`,
		"alb.ingress.kubernetes.io/use-regex-path-match: 'true'",
	}, pathTo("/who", "Exact", "who", "name: use-annotation"), pathTo("/hello", "Exact", "hello", "name: use-annotation"),
		pathTo("/old", "Prefix", "web", "number: 80"), pathTo("/^/item/[0-9]+$", "ImplementationSpecific", "web", "number: 80")) +
		"---" + annotatedIngress("b", []string{group, "alb.ingress.kubernetes.io/group.order: '1'", says("who", "b")}, pathTo("/who", "Exact", "who", "name: use-annotation")))
	f := s.far("a")
	s.far("b")
	s.eventually("the rule of the lower order answers", func() bool { return f.fetch(80, "/who").body == "b" })
	s.eventually("an action answers where its condition holds", func() bool { return f.fetch(80, "/hello", "X-Shop: 1").body == "hello" })
	if got := f.fetch(80, "/hello"); got.status != http.StatusNotFound {
		t.Errorf("without the header the answer is %d, want 404", got.status)
	}
	echoes := func(path string) string {
		var echo program.Echo
		if err := json.Unmarshal([]byte(f.fetch(80, path).body), &echo); err != nil {
			return ""
		}
		return echo.Path
	}
	s.eventually("a path is rewritten", func() bool { return echoes("/old/cart") == "/new/cart" })
	s.eventually("a path is an expression", func() bool { return echoes("/item/42") == "/item/42" })
	if got := f.fetch(80, "/item/x"); got.status != http.StatusNotFound {
		t.Errorf("a path that does not fit the expression has the answer %d, want 404", got.status)
	}
	s.kubectl("delete", "ingress", "--all", "--timeout=80s")
}

// TestRowsOfPatientPods: their targets are healthy, and their gates wait for more than that.
func TestRowsOfPatientPods(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled")
	patient := func(name, wish string) string {
		return fmt.Sprintf(`
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: %[1]s}
	spec:
	  selector: {matchLabels: {app: %[1]s}}
	  template:
	    metadata: {labels: {app: %[1]s}, annotations: {%[2]s}}
	    spec: {containers: [{name: web, image: sluice.lab/web, ports: [{containerPort: 8080}]}]}
	---
	apiVersion: v1
	kind: Service
	metadata: {name: %[1]s}
	spec: {selector: {app: %[1]s}, ports: [{port: 80, targetPort: 8080}]}
	---`, name, wish)
	}
	s.apply(patient("long", "sluice.dev/healthy-for: 1h") + patient("slow", "sluice.dev/slow-start: wait") + annotatedIngress("web", []string{
		"alb.ingress.kubernetes.io/target-type: ip", "alb.ingress.kubernetes.io/healthcheck-interval-seconds: '5'", "alb.ingress.kubernetes.io/healthcheck-timeout-seconds: '2'",
		"alb.ingress.kubernetes.io/target-group-attributes: slow_start.duration_seconds=900",
	}, pathTo("/long", "Prefix", "long", "number: 80"), pathTo("/slow", "Prefix", "slow", "number: 80")))
	f := s.far("web")
	for _, app := range []string{"long", "slow"} {
		s.eventually("the target of "+app+" is healthy and its gate waits", func() bool {
			pods := s.pods("app=" + app)
			if len(pods) != 1 || len(pods[0].Spec.ReadinessGates) != 1 || f.states(*f.balancer.DNSName)[pods[0].Status.PodIP] != "healthy" {
				return false
			}
			return condition(pods[0], pods[0].Spec.ReadinessGates[0].ConditionType).Reason == "HealthyTooShort"
		})
	}
	s.kubectl("delete", "ingress", "web", "--timeout=80s")
}

func TestRowsOfPods(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled")
	pods := func(name, metadata string) string {
		return fmt.Sprintf(`
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: %[1]s}
	spec:
	  selector: {matchLabels: {app: %[1]s}}
	  template:
	    metadata: {labels: {app: %[1]s}, %[2]s}
	    spec: {containers: [{name: web, image: sluice.lab/web, ports: [{containerPort: 8080}]}]}
	---`, name, metadata)
	}
	s.apply(pods("plain", "") + pods("waits", `annotations: {sluice.dev/expect-load-balancer: 1h}`) + `
	apiVersion: v1
	kind: Pod
	metadata: {name: bare, labels: {app: bare, sluice.dev/readiness-gate: "on"}}
	spec: {containers: [{name: web, image: sluice.lab/web, ports: [{containerPort: 8080}]}]}
	---
	apiVersion: v1
	kind: Pod
	metadata: {name: none, labels: {app: none, sluice.dev/readiness-gate: "off"}}
	spec: {containers: [{name: web, image: sluice.lab/web, ports: [{containerPort: 8080}]}]}
`)
	for app, want := range map[string]int{"plain": 1, "waits": 1, "bare": 1, "none": 0} {
		s.eventually("Pod "+app+" is there", func() bool { return len(s.pods("app="+app)) == 1 })
		if got := len(s.pods("app=" + app)[0].Spec.ReadinessGates); got != want {
			t.Errorf("Pod %s has %d gates, want %d", app, got, want)
		}
	}
	s.eventually("Pods that nobody serves are Ready", func() bool { return s.ready("app=plain")+s.ready("app=bare")+s.ready("app=none") == 3 })
	s.eventually("the containers of the one that waits are ready", func() bool {
		return condition(s.pods("app=waits")[0], corev1.ContainersReady).Status == corev1.ConditionTrue
	})
	if s.ready("app=waits") != 0 {
		t.Error("the Pod that expects a load balancer is Ready without one")
	}

	t.Log("a namespace that does not anticipate")
	s.kubectl("annotate", "namespace", s.namespace, "sluice.dev/anticipate=off")
	s.eventually("new Pods get no gate", func() bool {
		s.kubectl("delete", "pod", "-l", "app=plain", "--wait=true")
		now := s.pods("app=plain")
		return len(now) == 1 && len(now[0].Spec.ReadinessGates) == 0
	})
}
