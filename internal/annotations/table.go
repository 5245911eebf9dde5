package annotations

import (
	"slices"
	"strings"
)

// How values of several Ingresses that share a load balancer come together.
const (
	mustAgree   = "all that set it must agree"
	unionByKey  = "union by key; two values for one key are an error"
	perIngress  = "each Ingress for itself"
	perPort     = "per port: all that set it must agree"
	unionOfAll  = "union"
	serviceWins = "the Service's value replaces the Ingress's"
	nothing     = ""
)

const onBoth = OnIngress | OnService

// table holds every key, in the order of the reference page.
var table = slices.Concat(loadBalancerKeys, listenerKeys, targetGroupKeys, ruleKeys, authKeys, frontendKeys, ownKeys)

var loadBalancerKeys = []Key{
	{Name: "load-balancer-name", Type: TypeString, On: OnIngress, Merge: mustAgree, Built: true, Doc: "Name of the load balancer in AWS, at most 32 characters. It counts when the load balancer is created; an existing one is never renamed."},
	{Name: "group.name", Type: TypeString, On: OnIngress, Merge: perIngress, Built: true, Doc: "Ingresses of one group share one load balancer. Lower-case letters, digits, \"-\" and \".\", at most 63 characters. Without it every Ingress has its own."},
	{Name: "group.order", Type: TypeInt32, Default: "0", Min: -1000, Max: 1000, On: OnIngress, Merge: perIngress, Built: true, Doc: "Place of the Ingress among those of its group: the lower, the earlier come its rules."},
	{Name: "tags", Type: TypeStringMap, On: onBoth, Merge: unionByKey, Built: true, Doc: "Tags on everything that is made in AWS for the Ingress; on target groups, the Service's value replaces the Ingress's."},
	{Name: "scheme", Type: TypeString, Allowed: []string{"internal", "internet-facing"}, On: OnIngress, Merge: mustAgree, Built: true, Doc: "Whether the load balancer has private or public addresses. Default: the flag --default-load-balancer-scheme (\"internal\"). A change makes a new load balancer."},
	{Name: "ip-address-type", Type: TypeString, Default: "ipv4", Allowed: []string{"ipv4", "dualstack", "dualstack-without-public-ipv4"}, On: OnIngress, Merge: mustAgree, Built: true, Doc: "Address families of the load balancer."},
	{Name: "subnets", Type: TypeStringList, On: OnIngress, Merge: mustAgree, Built: true, Doc: "Subnets by id or by Name tag, one per availability zone. Without it they are discovered by their tags."},
	{Name: "security-groups", Type: TypeStringList, On: OnIngress, Merge: mustAgree, Built: true, Doc: "Security groups by id or by Name tag, in the place of the one that is managed."},
	{Name: "manage-backend-security-group-rules", Type: TypeBool, Default: "false", On: OnIngress, Merge: mustAgree, Built: true, Doc: "With security-groups: whether rules that let the load balancer reach the Pods are managed all the same."},
	{Name: "customer-owned-ipv4-pool", Type: TypeString, On: OnIngress, Merge: mustAgree, Doc: "Id of the pool for addresses on an Outpost; counts when the load balancer is created."},
	{Name: "ipam-ipv4-pool-id", Type: TypeString, On: OnIngress, Merge: mustAgree, Doc: "Id of the IPAM pool for public IPv4 addresses."},
	{Name: "load-balancer-attributes", Type: TypeStringMap, On: OnIngress, Merge: unionByKey, Built: true, Doc: "Attributes of the load balancer in the words of AWS, such as idle_timeout.timeout_seconds=120. Attributes that are not listed are not touched."},
	{Name: "minimum-load-balancer-capacity", Type: TypeStringMap, On: OnIngress, Merge: mustAgree, Doc: "Capacity that AWS keeps reserved: CapacityUnits=<number>; 0 gives it back."},
	{Name: "wafv2-acl-name", Type: TypeString, On: OnIngress, Merge: mustAgree, Doc: "Web ACL by name; wins over wafv2-acl-arn."},
	{Name: "wafv2-acl-arn", Type: TypeString, On: OnIngress, Merge: mustAgree, Doc: "Web ACL by ARN; \"none\" takes it off. Without it the association is not touched."},
	{Name: "waf-acl-id", Type: TypeString, On: OnIngress, Merge: mustAgree, Doc: "Web ACL of the older WAF Regional by id; \"none\" takes it off."},
	{Name: "web-acl-id", Type: TypeString, On: OnIngress, Merge: mustAgree, Doc: "Older spelling of waf-acl-id; counts only where that one is absent."},
	{Name: "shield-advanced-protection", Type: TypeBool, On: OnIngress, Merge: mustAgree, Doc: "Whether the load balancer is protected by Shield Advanced. Without it the protection is not touched."},
	{Name: "create-acm-cert", Type: TypeBool, Default: "false", On: OnIngress, Merge: perIngress, Doc: "Whether a certificate is requested for the hosts of the Ingress."},
	{Name: "acm-pca-arn", Type: TypeString, On: OnIngress, Merge: perIngress, Doc: "Private certificate authority for create-acm-cert."},
	{Name: "dry-run", Type: TypeBool, Default: "false", On: OnIngress, Merge: "true on any is true", Built: true, Doc: "Sluice's own. Plans the load balancer and changes nothing of it: the steps are written to dry-run-plan of the first Ingress of the group. Taking the annotation away runs them."},
	{Name: "dry-run-plan", Type: TypeJSON, On: OnIngress, Merge: nothing, Written: true, Doc: "What dry-run: \"true\" has planned, in JSON: the stack, its problems, the model and the steps. It goes with that annotation. (The incumbent writes another form, under a feature gate, and runs the plan all the same.)"},
}

var listenerKeys = []Key{
	{Name: "listen-ports", Type: TypeJSON, Default: `[{"HTTP":80}]`, On: OnIngress, Merge: unionOfAll, Built: true, Doc: "Ports that the load balancer listens on: a list of objects {\"HTTP\": port} or {\"HTTPS\": port}. With certificates the default is [{\"HTTPS\":443}]."},
	{Name: "certificate-arn", Type: TypeStringList, On: OnIngress, Merge: perPort, Built: true, Doc: "Certificates of HTTPS listeners; the first is the default one, and all are chosen from by the name that a client asks for. Without it, the certificates of ACM are taken that have the name of a host."},
	{Name: "ssl-policy", Type: TypeString, Default: "ELBSecurityPolicy-2016-08", On: OnIngress, Merge: perPort, Built: true, Doc: "TLS policy of HTTPS listeners."},
	{Name: "inbound-cidrs", Type: TypeCIDRList, On: OnIngress, Merge: perPort, Built: true, Doc: "Ranges that may reach the listeners. Default: everyone (0.0.0.0/0 and ::/0)."},
	{Name: "security-group-prefix-lists", Type: TypeStringList, On: OnIngress, Merge: perPort, Built: true, Doc: "Managed prefix lists that may reach the listeners."},
	{Name: "ssl-redirect", Type: TypeInt32, Min: 1, Max: 65535, On: OnIngress, Merge: mustAgree, Built: true, Doc: "HTTPS port to which every HTTP listener redirects."},
	{Name: "mutual-authentication", Type: TypeJSON, On: OnIngress, Merge: perPort, Doc: "Client certificates on HTTPS listeners: a list of {port, mode, trustStore, …}."},
	{Name: "listener-attributes.<protocol>-<port>", Type: TypeStringMap, On: OnIngress, Merge: unionByKey, Built: true, Doc: "Attributes of one listener in the words of AWS."},
	{Name: "jwt-validation", Type: TypeJSON, On: OnIngress, Merge: perIngress, Doc: "Tokens that requests on HTTPS listeners must carry: {jwksEndpoint, issuer, additionalClaims}."},
}

var targetGroupKeys = []Key{
	{Name: "target-type", Type: TypeString, Allowed: []string{"instance", "ip"}, On: onBoth, Merge: serviceWins, Built: true, Doc: "What is registered: Pods (\"ip\") or nodes (\"instance\"). Default: the flag --default-target-type (\"instance\")."},
	{Name: "backend-protocol", Type: TypeString, Default: "HTTP", Allowed: []string{"HTTP", "HTTPS"}, On: onBoth, Merge: serviceWins, Built: true, Doc: "Protocol that the load balancer speaks to Pods."},
	{Name: "backend-protocol-version", Type: TypeString, Default: "HTTP1", Allowed: []string{"HTTP1", "HTTP2", "GRPC"}, On: onBoth, Merge: serviceWins, Built: true, Doc: "Version of that protocol. HTTP2 and GRPC need HTTPS listeners."},
	{Name: "target-group-attributes", Type: TypeStringMap, On: onBoth, Merge: serviceWins, Built: true, Doc: "Attributes of the target group in the words of AWS, such as deregistration_delay.timeout_seconds=30. Attributes that are not listed are not touched."},
	{Name: "healthcheck-port", Type: TypeString, Default: "traffic-port", On: onBoth, Merge: serviceWins, Built: true, Doc: "Port that is asked for health: \"traffic-port\", a number, or the name of a Service port whose target port is a number."},
	{Name: "healthcheck-protocol", Type: TypeString, Default: "HTTP", Allowed: []string{"HTTP", "HTTPS"}, On: onBoth, Merge: serviceWins, Built: true, Doc: "Protocol of the health check. Default: that of backend-protocol."},
	{Name: "healthcheck-path", Type: TypeString, Default: "/", On: onBoth, Merge: serviceWins, Built: true, Doc: "Path that is asked for health. It should answer for every container that matters. For GRPC the default is /AWS.ALB/healthcheck."},
	{Name: "healthcheck-interval-seconds", Type: TypeInt32, Default: "15", Min: 5, Max: 300, On: onBoth, Merge: serviceWins, Built: true, Doc: "Seconds between two checks of one target, 5 to 300."},
	{Name: "healthcheck-timeout-seconds", Type: TypeInt32, Default: "5", Min: 2, Max: 120, On: onBoth, Merge: serviceWins, Built: true, Doc: "Seconds after which a check without an answer has failed, 2 to 120; less than the interval."},
	{Name: "healthy-threshold-count", Type: TypeInt32, Default: "2", Min: 2, Max: 10, On: onBoth, Merge: serviceWins, Built: true, Doc: "Successes in a row after which an unhealthy target is healthy, 2 to 10."},
	{Name: "unhealthy-threshold-count", Type: TypeInt32, Default: "2", Min: 2, Max: 10, On: onBoth, Merge: serviceWins, Built: true, Doc: "Failures in a row after which a healthy target is unhealthy, 2 to 10."},
	{Name: "success-codes", Type: TypeString, Default: "200", On: onBoth, Merge: serviceWins, Built: true, Doc: "Answers that count as success: \"200\", \"200,204\" or \"200-299\". For GRPC the default is 12."},
	{Name: "target-node-labels", Type: TypeStringMap, On: onBoth, Merge: serviceWins, Built: true, Doc: "Nodes that become targets, for target type \"instance\"."},
	{Name: "multi-cluster-target-group", Type: TypeBool, Default: "false", On: onBoth, Merge: "true on either is true", Built: true, Doc: "Whether other clusters have targets in the target group too."},
	{Name: "target-control-port.<service>.<port>", Type: TypeInt32, Min: 1, Max: 65535, On: onBoth, Merge: serviceWins, Doc: "Port of the agent that controls the load of a target."},
}

var ruleKeys = []Key{
	{Name: "actions.<name>", Type: TypeJSON, On: OnIngress, Merge: perIngress, Built: true, Doc: "Action for backends with that Service name and the port name use-annotation: forward, redirect or fixed-response. Services in it are of the Ingress's namespace; other target groups are given by ARN or name."},
	{Name: "conditions.<name>", Type: TypeJSON, On: OnIngress, Merge: perIngress, Built: true, Doc: "Further conditions of rules whose backend has that Service name, all of which must hold. Values of host-header and path-pattern are added to those of the rule: any of them will do."},
	{Name: "transforms.<name>", Type: TypeJSON, On: OnIngress, Merge: perIngress, Built: true, Doc: "Rewrites of host or path in rules whose backend has that Service name."},
	{Name: "use-regex-path-match", Type: TypeBool, Default: "false", On: OnIngress, Merge: perIngress, Built: true, Doc: "Whether paths of type ImplementationSpecific are regular expressions; the first character of the path, \"/\", is not part of the expression."},
}

var authKeys = []Key{
	{Name: "auth-type", Type: TypeString, Default: "none", Allowed: []string{"none", "cognito", "oidc"}, On: onBoth, Merge: serviceWins, Doc: "Who authenticates users on HTTPS listeners."},
	{Name: "auth-on-unauthenticated-request", Type: TypeString, Default: "authenticate", Allowed: []string{"authenticate", "allow", "deny"}, On: onBoth, Merge: serviceWins, Doc: "What happens to a request without a session."},
	{Name: "auth-scope", Type: TypeString, Default: "openid", On: onBoth, Merge: serviceWins, Doc: "Claims that are asked for."},
	{Name: "auth-session-cookie", Type: TypeString, Default: "AWSELBAuthSessionCookie", On: onBoth, Merge: serviceWins, Doc: "Name of the session cookie."},
	{Name: "auth-session-timeout", Type: TypeInt32, Default: "604800", Min: 1, Max: 604800, On: onBoth, Merge: serviceWins, Doc: "Seconds that a session lasts."},
	{Name: "auth-idp-cognito", Type: TypeJSON, On: onBoth, Merge: serviceWins, Doc: "The user pool: {userPoolARN, userPoolClientID, userPoolDomain, …}."},
	{Name: "auth-idp-oidc", Type: TypeJSON, On: onBoth, Merge: serviceWins, Doc: "The identity provider: {issuer, authorizationEndpoint, tokenEndpoint, userInfoEndpoint, secretName, …}."},
}

var frontendKeys = []Key{
	{Name: "enable-frontend-nlb", Type: TypeBool, Default: "false", On: OnIngress, Merge: mustAgree, Doc: "Whether a Network Load Balancer stands in front of this one."},
	{Name: "frontend-nlb-scheme", Type: TypeString, Allowed: []string{"internal", "internet-facing"}, On: OnIngress, Merge: mustAgree, Doc: "Scheme of that load balancer. Default: the flag --default-load-balancer-scheme."},
	{Name: "frontend-nlb-subnets", Type: TypeStringList, On: OnIngress, Merge: mustAgree, Doc: "Its subnets. Without it they are discovered."},
	{Name: "frontend-nlb-eip-allocations", Type: TypeStringList, On: OnIngress, Merge: mustAgree, Doc: "Its elastic addresses, one per subnet."},
	{Name: "frontend-nlb-security-groups", Type: TypeStringList, On: OnIngress, Merge: mustAgree, Doc: "Its security groups. Default: those of the Application Load Balancer."},
	{Name: "frontend-nlb-listener-port-mapping", Type: TypeStringMap, On: OnIngress, Merge: perIngress, Doc: "Its ports: <its port>=<port behind it>. Default: the same ports."},
	{Name: "frontend-nlb-healthcheck-port", Type: TypeString, Default: "traffic-port", On: OnIngress, Merge: mustAgree, Doc: "Port of its health check."},
	{Name: "frontend-nlb-healthcheck-protocol", Type: TypeString, Default: "HTTP", Allowed: []string{"HTTP", "HTTPS"}, On: OnIngress, Merge: mustAgree, Doc: "Protocol of its health check."},
	{Name: "frontend-nlb-healthcheck-path", Type: TypeString, Default: "/", On: OnIngress, Merge: mustAgree, Doc: "Path of its health check."},
	{Name: "frontend-nlb-healthcheck-success-codes", Type: TypeString, Default: "200", On: OnIngress, Merge: mustAgree, Doc: "Answers that count as success."},
	{Name: "frontend-nlb-healthcheck-interval-seconds", Type: TypeInt32, Default: "15", Min: 5, Max: 300, On: OnIngress, Merge: mustAgree, Doc: "Seconds between two checks."},
	{Name: "frontend-nlb-healthcheck-timeout-seconds", Type: TypeInt32, Default: "5", Min: 2, Max: 120, On: OnIngress, Merge: mustAgree, Doc: "Seconds after which a check has failed."},
	{Name: "frontend-nlb-healthcheck-healthy-threshold-count", Type: TypeInt32, Default: "2", Min: 2, Max: 10, On: OnIngress, Merge: mustAgree, Doc: "Successes in a row that make it healthy."},
	{Name: "frontend-nlb-healthcheck-unhealthy-threshold-count", Type: TypeInt32, Default: "2", Min: 2, Max: 10, On: OnIngress, Merge: mustAgree, Doc: "Failures in a row that make it unhealthy."},
	{Name: "frontend-nlb-attributes", Type: TypeStringMap, On: OnIngress, Merge: "all must agree; absent counts as empty", Doc: "Its attributes in the words of AWS."},
	{Name: "frontend-nlb-tags", Type: TypeStringMap, On: OnIngress, Merge: mustAgree, Doc: "Its tags, in the place of all others."},
}

var ownKeys = []Key{
	{Own: true, Name: "drain", Type: TypeString, On: OnPod, Label: OnNamespace, Built: true, Doc: "Seconds that containers without a preStop of their own sleep before they are stopped: \"auto\" (20, for an ALB), \"nlb\" (130), a number up to 3600, or \"off\". The Pod's annotation wins over the namespace's label."},
	{Own: true, Name: "readiness-gate", Type: TypeString, Allowed: []string{"on", "off"}, Label: OnPod, Built: true, Doc: "\"on\" asks for a gate where the Pod would get none (Job, DaemonSet, bare Pod), \"off\" opts out of all gates."},
	{Own: true, Name: "anticipate", Type: TypeString, Default: "all", Allowed: []string{"all", "off"}, On: OnNamespace, Built: true, Doc: "Whether Pods of which no load balancer is known yet get the anticipating gate."},
	{Own: true, Name: "expect-load-balancer", Type: TypeDuration, On: OnPod | OnNamespace, Built: true, Doc: "How long a gate waits for a first load balancer before it opens: for those that are deployed after their Pods. A Pod's own word goes before its namespace's."},
	{Own: true, Name: "healthy-for", Type: TypeDuration, On: OnPod, Built: true, Doc: "How long all targets of the Pod must have been healthy before its gates open."},
	{Own: true, Name: "slow-start", Type: TypeString, Allowed: []string{"wait"}, On: OnPod, Built: true, Doc: "\"wait\" lets the gates open only when the targets have come through the slow start of their groups."},
	{Own: true, Name: "injected-gates", Type: TypeStringList, On: OnPod, Written: true, Built: true, Doc: "Gates that admission added to the Pod."},
	{Own: true, Name: "injected-drain", Type: TypeInt32, On: OnPod, Written: true, Built: true, Doc: "Seconds that admission added to the Pod's end."},
}

// Keys is the whole table, in the order of the reference page.
func Keys() []Key {
	return slices.Clone(table)
}

// find looks a whole key up.
func find(whole string) (Key, bool) {
	own := strings.HasPrefix(whole, Own)
	name := strings.TrimPrefix(strings.TrimPrefix(whole, Own), Prefix)
	for _, key := range table {
		if key.Own == own && key.fits(name) {
			return key, true
		}
	}
	return Key{}, false
}

// fits says whether the name is this key's, or one of its family.
func (k Key) fits(name string) bool {
	family, isFamily := k.family()
	return name == k.Name || isFamily && len(name) > len(family) && strings.HasPrefix(name, family)
}

// family is what all names of a row such as "actions.<name>" begin with.
func (k Key) family() (string, bool) {
	start, _, found := strings.Cut(k.Name, "<")
	return start, found
}
