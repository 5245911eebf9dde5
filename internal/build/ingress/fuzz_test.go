package ingress_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/model"
)

// FuzzStack: whatever stands in the annotations of one member of a group, the build ends, and
// what comes out of it holds together, on an empty AWS and on one that has what the members
// had before.
func FuzzStack(f *testing.F) {
	for _, seed := range []struct{ action, conditions, transforms, path, key, value string }{
		{`{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"cart","servicePort":80,"weight":1},{"serviceName":"pay","servicePort":"http","weight":2}]}}`, ``, ``, "/", "listen-ports", `[{"HTTP":80},{"HTTP":8080}]`},
		{`{"type":"forward","targetGroupName":"old"}`, `[{"field":"path-pattern","pathPatternConfig":{"values":["/x"]}}]`, `[{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"regex":"a","replace":"b"}]}}]`, "/a", "use-regex-path-match", "false"},
		{`{"type":"redirect","redirectConfig":{"protocol":"HTTPS","statusCode":"HTTP_301"}}`, `[{"field":"host-header","hostHeaderConfig":{"values":["a.example.com"]}}]`, ``, "/*", "use-regex-path-match", "true"},
		{`{"type":"redirect","redirectConfig":{"statusCode":"HTTP_301"}}`, `[{"field":"query-string","queryStringConfig":{"values":[{"value":"*"}]}}]`, ``, "", "tags", "a=b"},
		{`{"type":"fixed-response","fixedResponseConfig":{"statusCode":"404"}}`, `[{"field":"nothing"}]`, `[]`, "/b", "healthcheck-interval-seconds", "15s"},
		{`{}`, `{}`, `{}`, "/b", "inbound-cidrs", "10.0.0.0/8"},
	} {
		for kind := range byte(3) {
			f.Add(seed.action, seed.conditions, seed.transforms, seed.path, kind, seed.key, seed.value)
		}
	}
	f.Fuzz(func(t *testing.T, action, conditions, transforms, path string, kind byte, key, value string) {
		written := map[string]string{"actions.x": action, "conditions.x": conditions, "conditions.cart": conditions, "transforms.x": transforms, key: value}
		snapshot := fuzzed(written, path, kind)
		result := ingress.Stack(snapshot)
		check(t, "from nothing", result)
		snapshot.Have = observed(t, fuzzed(map[string]string{"actions.x": `{"type":"redirect","redirectConfig":{"host":"example.org","statusCode":"HTTP_301"}}`}, "/b", 0))
		snapshot.Have = authenticated(snapshot.Have, []int32{2})
		check(t, "from what was", ingress.Stack(snapshot))
		if result.Stack == nil || len(result.Problems) > 0 {
			return
		}
		snapshot.Have = observed(t, snapshot)
		check(t, "from itself", ingress.Stack(snapshot))
	})
}

// FuzzClassParams: whatever the administrator says for all Ingresses of a class, the build ends
// and what comes out of it holds together.
func FuzzClassParams(f *testing.F) {
	for _, seed := range []string{
		`{"scheme":"internet-facing","ipAddressType":"dualstack","targetType":"instance","loadBalancerName":"of-the-class"}`,
		`{"group":{"name":"edge"},"tags":[{"key":"a","value":"1"}],"inboundCIDRs":["10.0.0.0/8","x"],"prefixListsIDs":["pl-1"]}`,
		`{"subnets":{"ids":["subnet-a","subnet-b"]},"sslRedirectPort":"443","certificateArn":["arn:aws:acm:us-west-2:111122223333:certificate/one"],"sslPolicy":"x"}`,
		`{"subnets":{"tags":{"kubernetes.io/role/internal-elb":["1",""]}},"sslRedirectPort":"https"}`,
		`{"loadBalancerAttributes":[{"key":"a","value":"1"}],"listeners":[{"protocol":"HTTP","port":80,"listenerAttributes":[{"key":"b","value":"2"}]}]}`,
		`{"minimumLoadBalancerCapacity":{"capacityUnits":-1},"ipamConfiguration":{"ipv4IPAMPoolId":""},"wafv2AclArn":"none","PrefixListsIDs":["pl-2"]}`,
		`{"namespaceSelector":{"matchExpressions":[{"key":"a","operator":"Is"}]}}`,
	} {
		f.Add([]byte(seed), "scheme", "internal")
	}
	f.Fuzz(func(t *testing.T, spec []byte, key, value string) {
		params := &v1beta1.IngressClassParams{ObjectMeta: metav1.ObjectMeta{Name: "team"}}
		if json.Unmarshal(spec, &params.Spec) != nil {
			return
		}
		classes := ingress.Classes{
			Flag: "alb", Params: map[string]*v1beta1.IngressClassParams{"team": params},
			Classes: []networkingv1.IngressClass{{
				ObjectMeta: metav1.ObjectMeta{Name: "alb"},
				Spec: networkingv1.IngressClassSpec{
					Controller: ingress.Controller,
					Parameters: &networkingv1.IngressClassParametersReference{APIGroup: new(v1beta1.GroupVersion.Group), Kind: "IngressClassParams", Name: "team"},
				},
			}},
			Labels: func(string) map[string]string { return map[string]string{"a": "b"} },
		}
		snapshot := fuzzed(map[string]string{key: value}, "/a", 0)
		for i := range snapshot.Members {
			object := snapshot.Members[i].Ingress
			object.Spec.IngressClassName = new("alb")
			object.Finalizers = []string{ingress.Finalizer(snapshot.ID)}
			snapshot.Members[i].Class, _ = classes.Of(object)
			_, _ = ingress.Group(object, snapshot.Members[i].Class)
		}
		ingress.Needed(snapshot.Members, snapshot.Config)
		result := ingress.Stack(snapshot)
		check(t, "from nothing", result)
		if again := ingress.Stack(snapshot); !reflect.DeepEqual(result, again) {
			t.Error("a second build differs")
		}
		snapshot.Have = observed(t, fuzzed(nil, "/b", 0))
		check(t, "from what was", ingress.Stack(snapshot))
	})
}

// fuzzed is a group of two, of which the first has these annotations.
func fuzzed(written map[string]string, path string, kind byte) ingress.Snapshot {
	types := []networkingv1.PathType{networkingv1.PathTypeExact, networkingv1.PathTypePrefix, networkingv1.PathTypeImplementationSpecific}
	pathTo := func(path string, kind networkingv1.PathType, service string, port networkingv1.ServiceBackendPort) networkingv1.HTTPIngressPath {
		return networkingv1.HTTPIngressPath{Path: path, PathType: &kind, Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: service, Port: port}}}
	}
	useAnnotation, number := networkingv1.ServiceBackendPort{Name: "use-annotation"}, networkingv1.ServiceBackendPort{Number: 80}
	object := func(name string, annotated map[string]string, paths ...networkingv1.HTTPIngressPath) *networkingv1.Ingress {
		out := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Annotations: map[string]string{}}}
		for key, value := range annotated {
			if value != "" {
				out.Annotations[annotations.Prefix+key] = value
			}
		}
		out.Annotations[annotations.Prefix+"group.name"] = "edge"
		out.Spec.Rules = []networkingv1.IngressRule{{Host: "a.example.com", IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: paths}}}}
		return out
	}
	web := object("web", written, pathTo(path, types[int(kind)%3], "x", useAnnotation), pathTo(path, types[int(kind)%3], "cart", number), pathTo("/b", types[0], "x", useAnnotation))
	zeta := object("zeta", nil, pathTo("/b", types[0], "pay", number))
	services := map[string]*corev1.Service{}
	for _, name := range []string{"cart", "pay"} {
		services[name] = &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
			Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)}}},
		}
	}
	tags := map[string]string{"kubernetes.io/role/internal-elb": "1"}
	return ingress.Snapshot{
		ID: model.StackID{Name: "edge"}, BackendSecurityGroup: "sg-backend",
		Config: build.Config{Cluster: "prod", DefaultScheme: model.Internal, DefaultTargetType: "ip"},
		Network: model.Network{
			VPC: "vpc-1", CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")},
			Subnets:           []model.Subnet{{ID: "subnet-a", Zone: "a", FreeAddresses: 100, Tags: tags}, {ID: "subnet-b", Zone: "b", FreeAddresses: 100, Tags: tags}},
			NamedTargetGroups: map[string]string{"old": "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/old/1"},
		},
		Members: []ingress.Member{{Ingress: web, Services: services}, {Ingress: zeta, Services: services}},
	}
}

func check(t *testing.T, from string, result ingress.Result) {
	t.Helper()
	for _, problem := range result.Problems {
		if problem.Field == "" || problem.Reason == "" || problem.Message == "" || problem.Remedy == "" {
			t.Errorf("%s: incomplete: %+v", from, problem)
		}
	}
	if result.Stack == nil {
		return
	}
	for _, wrong := range wrongs(*result.Stack) {
		t.Errorf("%s: %s", from, wrong)
	}
}

// wrongs are the ways in which a model does not hold together.
func wrongs(stack model.Stack) []string {
	var out []string
	complain := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	groups, keys := map[model.Key]bool{}, map[model.Key]bool{}
	once := func(key model.Key) {
		if keys[key] {
			complain("%s is there twice", key)
		}
		keys[key] = true
	}
	for _, group := range stack.TargetGroups {
		once(group.Key)
		groups[group.Key] = true
	}
	for _, binding := range stack.Bindings {
		if once(binding.Key); !groups[binding.TargetGroup] {
			complain("%s is of no group", binding.Key)
		}
	}
	priorities := map[model.Key]int32{}
	for _, listener := range stack.Listeners {
		once(listener.Key)
		priorities[listener.Key] = 1
		for _, wrong := range wrongAction(listener.Default, groups) {
			complain("%s: %s", listener.Key, wrong)
		}
	}
	for _, rule := range stack.Rules {
		once(rule.Key)
		if rule.Priority != priorities[rule.Listener] {
			complain("%s has priority %d, want %d", rule.Key, rule.Priority, priorities[rule.Listener])
		}
		priorities[rule.Listener]++
		for _, wrong := range slices.Concat(wrongAction(rule.Action, groups), wrongConditions(rule.Conditions)) {
			complain("%s: %s", rule.Key, wrong)
		}
		if len(rule.Transforms) > 2 {
			complain("%s has %d transforms", rule.Key, len(rule.Transforms))
		}
	}
	return out
}

func wrongAction(action model.Action, groups map[model.Key]bool) []string {
	var out []string
	set := 0
	for _, is := range []bool{len(action.Forward) > 0, action.Redirect != nil, action.FixedResponse != nil} {
		if is {
			set++
		}
	}
	if set != 1 && action.Unknown == "" {
		out = append(out, "not one action")
	}
	if len(action.Forward) > 5 {
		out = append(out, "too many groups")
	}
	for _, target := range action.Forward {
		if !groups[target.TargetGroup] && !target.TargetGroup.Foreign() {
			out = append(out, fmt.Sprintf("forwards to %q, which is not there", target.TargetGroup))
		}
		if w := target.Weight; w == nil && len(action.Forward) > 1 || w != nil && (*w < 0 || *w > 999) {
			out = append(out, "a wrong weight")
		}
	}
	return out
}

func wrongConditions(conditions []model.Condition) []string {
	var out []string
	values := 0
	seen := map[string]bool{}
	for _, c := range conditions {
		own := len(c.Values) + len(c.Regex) + len(c.Query)
		values += own
		if own == 0 || len(c.Values) > 0 && len(c.Regex) > 0 {
			out = append(out, "a condition without values, or with two kinds of them")
		}
		if seen[c.Field] && c.Field != model.HTTPHeader && c.Field != model.QueryString {
			out = append(out, "two conditions on "+c.Field)
		}
		seen[c.Field] = true
		if slices.Contains(c.Values, "") || slices.Contains(c.Regex, "") {
			out = append(out, "an empty value")
		}
	}
	if values == 0 || values > 5 {
		out = append(out, fmt.Sprintf("%d values", values))
	}
	return out
}
