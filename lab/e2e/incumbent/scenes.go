package incumbent

import (
	"embed"
	"maps"

	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

//go:embed manifests/*.yaml
var manifests embed.FS

// everywhere is what all scenes have behind their Ingresses.
const everywhere = "backends"

// What this controller does not build: it leaves such Ingresses as they are.
var unbuilt = map[string]Stack{
	"authenticated": {
		Ingress: "users", TargetGroups: []TargetGroup{apiOf("users")},
		Listeners: []Listener{{Port: 443, Certificates: []string{"a.example.com"}, Rules: []Rule{when(login("users-api:80"), path("/*"))}}},
	},
	"authenticated-group": {
		Group: "behind-login", Members: []string{"staff", "visitors"}, TargetGroups: []TargetGroup{apiOf("staff"), webOf("visitors")},
		Listeners: []Listener{{Port: 443, Certificates: []string{"a.example.com", "b.example.com"}, Rules: []Rule{
			when(login("staff-api:80"), host("staff.example.com"), path("/*")), when(forward("visitors-web:80"), host("visitors.example.com"), path("/*")),
		}}},
	},
}

var built = map[string]Stack{
	"single": {Ingress: "single", TargetGroups: []TargetGroup{webOf("single")}, Listeners: []Listener{plain(when(forward("single-web:80"), path("/*")))}},
	"paths": {
		Ingress: "paths",
		TargetGroups: []TargetGroup{
			webOf("paths"),
			apiOf("paths"),
			{Ingress: "paths", Service: "api", Port: "http", TargetPort: 8080},
			{Ingress: "paths", Service: "api", Port: "admin", TargetPort: 8081},
		},
		Listeners: []Listener{plain(
			when(forward("paths-api:admin"), host("shop.example.com"), path("/exact")),
			when(forward("paths-api:http"), host("shop.example.com"), path("/long/path", "/long/path/*")),
			when(forward("paths-web:80"), host("shop.example.com"), path("/*")),
			when(forward("paths-api:80"), host("shop.example.com"), path("/a*")),
			when(forward("paths-web:80"), path("/*")),
		)},
	},
	"group": {
		Group: "pair", Members: []string{"sooner", "later"}, Tags: map[string]string{"team": "cart", "cost": "sooner"},
		TargetGroups: []TargetGroup{tagged(apiOf("sooner"), "cost", "sooner"), tagged(webOf("later"), "team", "cart")},
		Listeners: []Listener{
			{Port: 80, Tags: map[string]string{"team": "cart", "cost": "sooner"}, Rules: []Rule{
				{Actions: forward("sooner-api:80"), Conditions: conditions(host("sooner.example.com"), path("/*")), Tags: map[string]string{"cost": "sooner"}},
				{Actions: forward("later-web:80"), Conditions: conditions(host("later.example.com"), path("/*")), Tags: map[string]string{"team": "cart"}},
			}},
			{Port: 8080, Tags: map[string]string{"team": "cart"}, Rules: []Rule{
				{Actions: forward("later-web:80"), Conditions: conditions(host("later.example.com"), path("/*")), Tags: map[string]string{"team": "cart"}},
			}},
		},
	},
	"https": {
		Ingress: "secure", Scheme: "internet-facing", TargetGroups: []TargetGroup{apiOf("secure")},
		Listeners: []Listener{
			{Port: 80, Default: redirect(elbv2types.RedirectActionConfig{Port: new("443"), Protocol: new("HTTPS"), StatusCode: "HTTP_301"})},
			{
				Port: 443, Certificates: []string{"a.example.com", "b.example.com"}, Policy: "ELBSecurityPolicy-TLS13-1-2-2021-06",
				Rules: []Rule{when(forward("secure-api:80"), path("/*"))},
			},
		},
	},
	"certificates-found": {
		Ingress: "found", TargetGroups: []TargetGroup{apiOf("found")},
		Listeners: []Listener{{Port: 8443, Certificates: []string{"c.example.com", "d.example.com"}, ByARN: true, Rules: []Rule{when(forward("found-api:80"), host("c.example.com"), path("/*"))}}},
	},
	"weights": {
		Ingress: "weights", TargetGroups: []TargetGroup{webOf("weights"), {Ingress: "weights", Service: "api", Port: "http", TargetPort: 8080}},
		Listeners: []Listener{plain(when([]elbv2types.Action{{Type: "forward", Order: new(int32(1)), ForwardConfig: &elbv2types.ForwardActionConfig{
			TargetGroups: []elbv2types.TargetGroupTuple{
				{TargetGroupArn: new("weights-web:80"), Weight: new(int32(20))}, {TargetGroupArn: new("weights-api:http"), Weight: new(int32(80))},
			},
			TargetGroupStickinessConfig: &elbv2types.TargetGroupStickinessConfig{Enabled: new(true), DurationSeconds: new(int32(200))},
		}}}, path("/*")))},
	},
	"answers": {
		Ingress: "answers", TargetGroups: []TargetGroup{apiOf("answers")},
		Listeners: []Listener{plain(
			when(answer("503", "Backend action does not exist"), host("answers.example.com"), path("/nobody", "/nobody/*")),
			when(answer("410", "gone"), host("answers.example.com"), path("/gone", "/gone/*")),
			when(redirect(elbv2types.RedirectActionConfig{
				Host: new("new.example.com"), Path: new("/old/#{path}"), Port: new("443"), Protocol: new("HTTPS"), Query: new("from=old&#{query}"), StatusCode: "HTTP_302",
			}), host("answers.example.com"), path("/old", "/old/*")),
			when(redirect(elbv2types.RedirectActionConfig{Host: new("www.example.com"), StatusCode: "HTTP_301"}), host("answers.example.com"), path("/www", "/www/*")),
			when(forward("answers-api:80"), host("answers.example.com"), path("/*")),
		)},
	},
	"conditions": {
		Ingress: "conditions", TargetGroups: []TargetGroup{webOf("conditions"), apiOf("conditions"), {Ingress: "conditions", Service: "nodes", Port: "80", TargetPort: 8080}},
		Listeners: []Listener{plain(
			when(forward("conditions-web:80"),
				elbv2types.RuleCondition{Field: new("http-request-method"), HttpRequestMethodConfig: &elbv2types.HttpRequestMethodConditionConfig{Values: []string{"POST", "GET"}}},
				host("m.example.com", "z.example.com"), path("/w")),
			when(forward("conditions-api:80"),
				elbv2types.RuleCondition{Field: new("query-string"), QueryStringConfig: &elbv2types.QueryStringConditionConfig{Values: []elbv2types.QueryStringKeyValuePair{
					{Key: new("version"), Value: new("2")}, {Value: new("beta")},
				}}},
				elbv2types.RuleCondition{Field: new("source-ip"), SourceIpConfig: &elbv2types.SourceIpConditionConfig{Values: []string{"192.168.0.0/16"}}},
				host("m.example.com"), path("/q")),
			when(forward("conditions-nodes:80"),
				elbv2types.RuleCondition{Field: new("http-header"), HttpHeaderConfig: &elbv2types.HttpHeaderConditionConfig{HttpHeaderName: new("X-Team"), Values: []string{"cart"}}},
				host("m.example.com"), path("/h", "/h/*", "/more")),
		)},
	},
	"expressions": {
		Ingress: "expressions", TargetGroups: []TargetGroup{webOf("expressions")},
		Listeners: []Listener{plain(when(forward("expressions-web:80"), hostLike(letterHosts), path("/plain")), when(forward("expressions-web:80"), hostLike(letterHosts), pathLike("^/v[0-9]+/.*$")))},
	},
	"rewrites": {
		Ingress: "rewrites", TargetGroups: []TargetGroup{apiOf("rewrites")},
		Listeners: []Listener{plain(Rule{
			Actions: forward("rewrites-api:80"), Conditions: conditions(path("/api", "/api/*")),
			Transforms: []elbv2types.RuleTransform{
				{Type: "url-rewrite", UrlRewriteConfig: &elbv2types.UrlRewriteConfig{Rewrites: []elbv2types.RewriteConfig{{Regex: new("^/api/(.*)$"), Replace: new("/$1")}}}},
				{Type: "host-header-rewrite", HostHeaderRewriteConfig: &elbv2types.HostHeaderRewriteConfig{Rewrites: []elbv2types.RewriteConfig{{Regex: new("^(.*)$"), Replace: new("inner.example.com")}}}},
			},
		})},
	},
	"instances": {
		Ingress:      "instances",
		TargetGroups: []TargetGroup{{Ingress: "instances", Service: "nodes", Port: "80", Instance: true, Check: Check{Path: "/healthz"}, NodeLabels: map[string]string{"kubernetes.io/os": "linux"}}},
		Listeners:    []Listener{plain(when(forward("instances-nodes:80"), path("/*")))},
	},
	"grpc": {
		Ingress:      "rpc",
		TargetGroups: []TargetGroup{{Ingress: "rpc", Service: "api", Port: "80", TargetPort: 8080, Version: "GRPC", Check: Check{Path: "/AWS.ALB/healthcheck", Codes: "12"}}},
		Listeners:    []Listener{{Port: 443, Certificates: []string{"a.example.com"}, Rules: []Rule{when(forward("rpc-api:80"), path("/*"))}}},
	},
	"health-check": {
		Ingress: "checked",
		TargetGroups: []TargetGroup{{
			Ingress: "checked", Service: "api", Port: "80", TargetPort: 8080, HealthPort: 8081,
			Check: Check{Path: "/ready", Codes: "200-299", Interval: 20, Timeout: 10, Healthy: 3, Unhealthy: 4},
		}},
		Listeners: []Listener{plain(when(forward("checked-api:80"), path("/*")))},
	},
	"attributes": {
		Ingress: "attributes", Name: "by-name", Tags: shopTags,
		Attributes: map[string]string{"idle_timeout.timeout_seconds": "120", "routing.http.drop_invalid_header_fields.enabled": "true"},
		TargetGroups: []TargetGroup{
			{
				Ingress: "attributes", Service: "web", Port: "80", TargetPort: 8080, TargetPortName: "http", Tags: shopTags,
				Attributes: map[string]string{"stickiness.enabled": "true", "stickiness.type": "lb_cookie"},
			},
			{
				Ingress: "attributes", Service: "tagged", Port: "80", TargetPort: 8080, Tags: map[string]string{"team": "cart", "cost": "service"},
				Check: Check{Path: "/cart"}, Attributes: map[string]string{"deregistration_delay.timeout_seconds": "30"},
			},
		},
		Listeners: []Listener{{
			Port: 80, Tags: shopTags, Attributes: map[string]string{"routing.http.response.server.enabled": "false"},
			Rules: []Rule{
				{Actions: forward("attributes-web:80"), Conditions: conditions(path("/*")), Tags: shopTags},
				{Actions: forward("attributes-tagged:80"), Conditions: conditions(host("tagged.example.com"), path("/*")), Tags: shopTags},
			},
		}},
	},
	"security-groups": {
		Ingress: "closed", SecurityGroups: []string{"takeover-a", "takeover-b"}, TargetGroups: []TargetGroup{unmanaged(apiOf("closed"))},
		Listeners: []Listener{plain(when(forward("closed-api:80"), path("/*")))},
	},
	"security-groups-with-rules": {
		Ingress: "opened", SecurityGroups: []string{"takeover-b"}, ManageRules: true, TargetGroups: []TargetGroup{apiOf("opened")},
		Listeners: []Listener{plain(when(forward("opened-api:80"), path("/*")))},
	},
	"inbound": {
		Ingress: "narrow", TargetGroups: []TargetGroup{apiOf("narrow")},
		Listeners: []Listener{narrow(81, when(forward("narrow-api:80"), path("/*"))), narrow(82, when(forward("narrow-api:80"), path("/*")))},
	},
	"subnets": {
		Ingress: "placed", Scheme: "internet-facing", Subnets: []string{"lab-us-west-2b", "lab-us-west-2a"}, TargetGroups: []TargetGroup{apiOf("placed")},
		Listeners: []Listener{plain(when(forward("placed-api:80"), path("/*")))},
	},
	"class-params": {
		Ingress: "params", Scheme: "internet-facing", Tags: classTags, Attributes: map[string]string{"idle_timeout.timeout_seconds": "90"},
		TargetGroups: []TargetGroup{{Ingress: "params", Service: "api", Port: "80", TargetPort: 8080, Tags: classTags}},
		Listeners: []Listener{{
			Port: 80, Tags: classTags, Attributes: map[string]string{"routing.http.response.server.enabled": "false"}, CIDRs: []string{"10.0.0.0/8", "192.168.0.0/16"},
			Rules: []Rule{{Actions: forward("params-api:80"), Conditions: conditions(path("/*")), Tags: classTags}},
		}},
	},
	"default-backend": {
		Ingress: "fallback", TargetGroups: []TargetGroup{apiOf("fallback"), webOf("fallback")},
		Listeners: []Listener{{Port: 80, Default: forward("fallback-api:80"), Rules: []Rule{when(forward("fallback-web:80"), path("/web"))}}},
	},
	"missing-service": {Ingress: "missing", Listeners: []Listener{plain(when(answer("503", "Backend service does not exist"), path("/*")))}},
	"multi-cluster": {
		Ingress: "shared", TargetGroups: []TargetGroup{{Ingress: "shared", Service: "multi", Port: "80", TargetPort: 8080, MultiCluster: true}},
		Listeners: []Listener{plain(when(forward("shared-multi:80"), path("/*")))},
	},
	"dualstack": {
		Ingress: "dual", Scheme: "internet-facing", IPAddressType: "dualstack", TargetGroups: []TargetGroup{apiOf("dual")},
		Listeners: []Listener{{Port: 80, CIDRs: []string{"0.0.0.0/0", "::/0"}, Rules: []Rule{when(forward("dual-api:80"), path("/*"))}}},
	},
	"without-effect": {
		Ingress: "quiet", TargetGroups: []TargetGroup{webOf("quiet")}, Listeners: []Listener{plain(when(forward("quiet-web:80"), path("/*")))},
	},
	"older-class": {
		Ingress: "older", TargetGroups: []TargetGroup{webOf("older")}, Listeners: []Listener{plain(when(forward("older-web:80"), path("/*")))},
	},
	"redirects": { // two rules are left out: one leads to itself, and one comes after a redirect of all that it is for
		Ingress: "redirects", TargetGroups: []TargetGroup{apiOf("redirects")},
		Listeners: []Listener{plain(
			when(forward("redirects-api:80"), host("here.example.com"), path("/here", "/here/*")),
			when(redirect(elbv2types.RedirectActionConfig{Host: new("there.example.com"), StatusCode: "HTTP_301"}), host("r.example.com"), path("/*")),
		)},
	},
	"gated": {
		Ingress: "first", TargetGroups: []TargetGroup{gatedOf("first", "")}, Listeners: []Listener{plain(when(forward("first-gated:80"), path("/*")))},
	},
	"gated-twice": {
		Ingress: "second", TargetGroups: []TargetGroup{gatedOf("second", "/second")}, Listeners: []Listener{plain(when(forward("second-gated:80"), path("/*")))},
	},
}

// Scenes are all of them by their names.
func Scenes() map[string]Scene {
	out := map[string]Scene{}
	for name, stack := range built {
		out[name] = Scene{Manifest: manifest(name), Stack: stack}
	}
	return out
}

// Unbuilt are scenes with what this controller says that it does not build.
func Unbuilt() map[string]Scene {
	out := map[string]Scene{}
	for name, stack := range unbuilt {
		out[name] = Scene{Manifest: manifest(name), Stack: stack}
	}
	return out
}

// All are Scenes and Unbuilt.
func All() map[string]Scene {
	out := Scenes()
	maps.Copy(out, Unbuilt())
	return out
}

// Backends is the manifest of what the scenes share.
func Backends() string { return manifest(everywhere) }

func manifest(name string) string {
	text, err := manifests.ReadFile("manifests/" + name + ".yaml")
	if err != nil {
		panic("every scene has a manifest of its name: " + err.Error())
	}
	return string(text)
}

var (
	shopTags  = map[string]string{"team": "shop", "cost": "ingress"}
	classTags = map[string]string{"owner": "platform", "team": "class", "also": "annotation"}
)

const letterHosts = `^[a-z]+\.example\.com$`

func webOf(ingress string) TargetGroup {
	return TargetGroup{Ingress: ingress, Service: "web", Port: "80", TargetPort: 8080, TargetPortName: "http"}
}

func apiOf(ingress string) TargetGroup {
	return TargetGroup{Ingress: ingress, Service: "api", Port: "80", TargetPort: 8080}
}

func gatedOf(ingress, healthPath string) TargetGroup {
	return TargetGroup{Ingress: ingress, Service: "gated", Port: "80", TargetPort: 8080, Check: Check{Path: healthPath}}
}

func tagged(g TargetGroup, key, value string) TargetGroup {
	g.Tags = map[string]string{key: value}
	return g
}

func unmanaged(g TargetGroup) TargetGroup {
	g.Unmanaged = true
	return g
}

// narrow is a listener that lets in what the scene inbound says: no IPv6, as the load balancer has none.
func narrow(port int32, rule Rule) Listener {
	return Listener{Port: port, Rules: []Rule{rule}, CIDRs: []string{"10.1.0.0/16", "10.2.0.0/16"}, PrefixLists: []string{"pl-0123456789abcdef0"}}
}

func login(key string) []elbv2types.Action {
	answer := forward(key)[0]
	answer.Order = new(int32(2))
	return []elbv2types.Action{{Type: "authenticate-oidc", Order: new(int32(1)), AuthenticateOidcConfig: &elbv2types.AuthenticateOidcActionConfig{
		Issuer: new("https://id.example.com"), AuthorizationEndpoint: new("https://id.example.com/a"), TokenEndpoint: new("https://id.example.com/t"),
		UserInfoEndpoint: new("https://id.example.com/u"), ClientId: new("shop"), ClientSecret: new("not-told"), Scope: new("openid"),
		SessionCookieName: new("AWSELBAuthSessionCookie"), SessionTimeout: new(int64(604800)), OnUnauthenticatedRequest: "authenticate",
	}}, answer}
}
