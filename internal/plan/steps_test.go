package plan_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

type tags = map[string]string

func TestTags(t *testing.T) {
	t.Parallel()
	external := plan.Options{ExternalTags: []string{"cost-center", "owner"}}
	for _, test := range []struct {
		name       string
		have, want tags
		options    plan.Options
		steps      []plan.Action
	}{
		{name: "equal-tags-stay", have: tags{"a": "1"}, want: tags{"a": "1"}},
		{name: "none-and-no-list-are-equal", have: tags{}},
		{name: "what-is-missing-or-differs-is-set-in-one-call", have: tags{"a": "1", "b": "2"}, want: tags{"a": "1", "b": "3", "c": ""}, steps: []plan.Action{plan.AddTags{Tags: tags{"b": "3", "c": ""}}}},
		{name: "what-nobody-wants-goes-in-one-call", have: tags{"a": "1", "z": "1", "y": "1"}, want: tags{"a": "1"}, steps: []plan.Action{plan.RemoveTags{Keys: []string{"y", "z"}}}},
		{
			name: "new-ones-are-set-before-old-ones-go", have: tags{"old": "1"}, want: tags{"new": "1"},
			steps: []plan.Action{plan.AddTags{Tags: tags{"new": "1"}}, plan.RemoveTags{Keys: []string{"old"}}},
		},
		{name: "tags-of-aws-stay", have: tags{"aws:cloudformation:stack-name": "x"}},
		{
			name:    "external-tags-are-never-added-changed-or-removed",
			have:    tags{"cost-center": "1"},
			want:    tags{"cost-center": "2", "owner": "me"},
			options: external,
		},
		{name: "external-tags-that-nobody-wants-stay", have: tags{"cost-center": "1", "owner": "you"}, options: external},
		{
			name: "tags-of-older-controllers-stay",
			have: tags{
				"kubernetes.io/cluster/shop": "owned", "kubernetes.io/cluster-name": "shop", "kubernetes.io/namespace": "n", "kubernetes.io/ingress-name": "i", "kubernetes.io/service-name": "s",
				"kubernetes.io/service-port": "80", "ingress.k8s.aws/cluster": "shop", "kubernetes.io/else": "goes",
			},
			steps: []plan.Action{plan.RemoveTags{Keys: []string{"kubernetes.io/else"}}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want, have := stack(), stack()
			want.LoadBalancer.Tags, have.LoadBalancer.Tags = test.want, test.have
			got := actions(plan.Steps(want, observed(have), test.options))
			if diff := cmp.Diff(test.steps, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

// Listeners and rules came later than the tags of older controllers: none is kept there.
func TestTagsOfRulesAndListenersAreOursAlone(t *testing.T) {
	t.Parallel()
	r := rule("/a", 1, web)
	want, have := stack(r), stack(r)
	want.Listeners[0].Tags, want.Rules[0].Tags = tags{"own": "1"}, tags{"own": "1"}
	have.Listeners[0].Tags = tags{"own": "1", "kubernetes.io/namespace": "n"}
	have.Rules[0].Tags = tags{"own": "1", "kubernetes.io/cluster/shop": "owned"}
	steps := []plan.Action{plan.RemoveTags{Keys: []string{"kubernetes.io/namespace"}}, plan.RemoveTags{Keys: []string{"kubernetes.io/cluster/shop"}}}
	if diff := cmp.Diff(steps, actions(plan.Steps(want, observed(have), plan.Options{}))); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// With ListenerRulesTagging=false nobody wants tags there, and whoever put some keeps them.
func TestTagsThatNobodyLooksAfterStay(t *testing.T) {
	t.Parallel()
	r := rule("/a", 1, web)
	want, have := stack(r), stack(r)
	have.Listeners[0].Tags, have.Rules[0].Tags = tags{"cost": "1"}, tags{"cost": "1"}
	if steps := plan.Steps(want, observed(have), plan.Options{}); len(steps) > 0 {
		t.Errorf("steps: %v", steps)
	}
}

// The tags of a rule that is changed in place are set under the key that it has then.
func TestTagsOfARuleThatChangesItsConditions(t *testing.T) {
	t.Parallel()
	before, after := rule("/a", 1, web), rule("/b", 1, web)
	after.Tags = tags{"team": "shop"}
	steps := plan.Steps(stack(after), observed(stack(before)), plan.Options{})
	var keys []model.Key
	for _, step := range steps {
		keys = append(keys, step.Key)
	}
	if diff := cmp.Diff([]model.Key{before.Key, after.Key}, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

// group is a target group; a protocol version makes it one that cannot be converted.
func group(version string) model.TargetGroup {
	return model.TargetGroup{Key: web, Name: "web-" + version, Protocol: "HTTP", ProtocolVersion: version, TargetType: "ip", HealthCheck: model.HealthCheck{Path: "/"}}
}

func binding(key model.Key, name string) model.Binding {
	return model.Binding{Key: model.BindingKey(key), TargetGroup: key, Namespace: "shop", Name: name, Service: "web", Port: "80"}
}

// with is a stack whose one rule forwards to a group of this version.
func with(version string) model.Stack {
	s := stack(rule("/", 1, web))
	s.TargetGroups = []model.TargetGroup{group(version)}
	s.Bindings = []model.Binding{binding(web, "web-"+version)}
	return s
}

func TestATargetGroupThatCannotBeChangedIsReplaced(t *testing.T) {
	t.Parallel()
	want, have := with("GRPC"), observed(with("HTTP1"))
	got := actions(plan.Steps(want, have, plan.Options{}))
	steps := []plan.Action{
		plan.CreateTargetGroup{Want: group("GRPC")},
		plan.CreateBinding{Want: binding(web, "web-GRPC")},
		plan.ModifyRule{Rule: want.Rules[0].Key, Want: want.Rules[0]},
		plan.DeleteBinding{Namespace: "shop", Name: "web-HTTP1"},
		plan.DeleteTargetGroup{ID: "id of target-group/web"},
	}
	if diff := cmp.Diff(steps, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(observed(with("HTTP1")), have); diff != "" {
		t.Errorf("the plan has changed what was observed (-before +after):\n%s", diff)
	}
}

// After a crash the successor is there under the next free key: what is left to do is
// what is left to do.
func TestAReplacementGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	const second = web + "#2"
	crashed := func(change func(*model.Observed)) model.Observed {
		have := with("HTTP1")
		successor := group("GRPC")
		successor.Key = second
		have.TargetGroups = append(have.TargetGroups, successor)
		o := observed(have)
		change(&o)
		return o
	}
	bound := func(o *model.Observed) { o.Bindings = append(o.Bindings, binding(second, "web-GRPC")) }
	switched := func(o *model.Observed) {
		bound(o)
		o.Rules[0].Action = forward(second)
	}
	want := with("GRPC")
	toBind := plan.CreateBinding{Want: binding(web, "web-GRPC")}
	toSwitch := plan.ModifyRule{Rule: want.Rules[0].Key, Want: want.Rules[0]}
	toRemove := []plan.Action{plan.DeleteBinding{Namespace: "shop", Name: "web-HTTP1"}, plan.DeleteTargetGroup{ID: "id of target-group/web"}}
	for _, test := range []struct {
		name   string
		change func(*model.Observed)
		steps  []plan.Action
	}{
		{"after-the-group-was-created", func(*model.Observed) {}, append([]plan.Action{toBind, toSwitch}, toRemove...)},
		{"after-it-was-bound", bound, append([]plan.Action{toSwitch}, toRemove...)},
		{"after-traffic-was-switched", switched, toRemove},
		{"after-the-old-binding-went", func(o *model.Observed) {
			switched(o)
			o.Bindings = o.Bindings[1:]
		}, toRemove[1:]},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			have := crashed(test.change)
			if diff := cmp.Diff(test.steps, actions(plan.Steps(want, have, plan.Options{}))); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			once := plan.Retire(want, have)
			if diff := cmp.Diff(once, plan.Retire(want, once)); diff != "" {
				t.Errorf("retired twice (-once +twice):\n%s", diff)
			}
		})
	}
}

// Whoever changes his mind gets back what is still there.
func TestAReplacementThatIsTakenBack(t *testing.T) {
	t.Parallel()
	have := with("HTTP1")
	successor := group("GRPC")
	have.TargetGroups[0].Key = web + "#replaced"
	have.Bindings[0] = binding(web+"#replaced", "web-HTTP1")
	have.Rules[0].Action = forward(web + "#replaced")
	have.TargetGroups = append(have.TargetGroups, successor)
	got := actions(plan.Steps(with("HTTP1"), observed(have), plan.Options{}))
	if diff := cmp.Diff([]plan.Action{plan.DeleteTargetGroup{ID: "id of target-group/web"}}, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestATargetGroupThatCanBeChangedIsChanged(t *testing.T) {
	t.Parallel()
	want := with("HTTP1")
	want.TargetGroups[0].Name = "another-name" // a name is for new groups, and so is what follows
	want.TargetGroups[0].Port, want.TargetGroups[0].IPAddressType, want.TargetGroups[0].VPC = 8080, "ipv6", "vpc-elsewhere"
	want.TargetGroups[0].ProtocolVersion = "" // any will do
	want.TargetGroups[0].HealthCheck.Interval = model.Duration(5 * time.Second)
	want.TargetGroups[0].Attributes = map[string]string{"stickiness.enabled": "true", "slow_start.duration_seconds": "0"}
	have := with("HTTP1")
	have.TargetGroups[0].Attributes = map[string]string{"slow_start.duration_seconds": "0", "deregistration_delay.timeout_seconds": "300"}
	steps := []plan.Action{
		plan.ModifyHealthCheck{Group: web, Want: want.TargetGroups[0].HealthCheck},
		plan.ModifyTargetGroupAttributes{Group: web, Attributes: map[string]string{"stickiness.enabled": "true"}},
	}
	if diff := cmp.Diff(steps, actions(plan.Steps(want, observed(have), plan.Options{}))); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// A scheme cannot be changed. The target group stays with its targets, and is free for
// the new load balancer once the old one is gone.
func TestAnotherSchemeIsAnotherLoadBalancer(t *testing.T) {
	t.Parallel()
	want, have := with("HTTP1"), with("HTTP1")
	want.LoadBalancer.Scheme, want.LoadBalancer.Name = model.InternetFacing, "new"
	want.LoadBalancer.Attributes = map[string]string{"idle_timeout.timeout_seconds": "30"}
	have.LoadBalancer.Scheme = model.Internal
	steps := []plan.Action{
		plan.DeleteLoadBalancer{ID: "id of load-balancer/LoadBalancer"},
		plan.CreateLoadBalancer{Want: *want.LoadBalancer},
		plan.ModifyLoadBalancerAttributes{LoadBalancer: model.LoadBalancerKey, Attributes: want.LoadBalancer.Attributes},
		plan.CreateListener{Want: want.Listeners[0]},
		plan.CreateRule{Want: want.Rules[0]},
	}
	if diff := cmp.Diff(steps, actions(plan.Steps(want, observed(have), plan.Options{}))); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestAStackThatIsNotWantedGoesUsersFirst(t *testing.T) {
	t.Parallel()
	have := with("HTTP1")
	have.SecurityGroups = []model.SecurityGroup{{Key: model.SecurityGroupKey, Name: "sg"}}
	steps := []plan.Action{
		plan.DeleteLoadBalancer{ID: "id of load-balancer/LoadBalancer"},
		plan.DeleteBinding{Namespace: "shop", Name: "web-HTTP1"},
		plan.DeleteTargetGroup{ID: "id of target-group/web"},
		plan.DeleteSecurityGroup{ID: "id of security-group/ManagedLBSecurityGroup"},
	}
	got := plan.Steps(model.Stack{}, observed(have), plan.Options{})
	if diff := cmp.Diff(steps, actions(got)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if kept := plan.NoDelete(got); len(kept) > 0 {
		t.Errorf("without removals there is left:\n%s", plan.Print(kept))
	}
}

func TestAListenerThatIsNotWantedTakesItsRulesAlong(t *testing.T) {
	t.Parallel()
	want, have := stack(), stack(rule("/a", 1, web))
	want.Listeners = nil
	got := plan.Steps(want, observed(have), plan.Options{})
	if diff := cmp.Diff([]plan.Action{plan.DeleteListener{ID: "id of listener/80"}}, actions(got)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// A changed source never leaves a moment without either.
func TestPermissionsAreOpenedBeforeOthersAreClosed(t *testing.T) {
	t.Parallel()
	from := func(cidr, description string) model.Permission {
		return model.Permission{Protocol: "tcp", FromPort: 80, ToPort: 80, CIDR: cidr, Description: description}
	}
	group := func(permissions ...model.Permission) model.Stack {
		s := stack()
		s.SecurityGroups = []model.SecurityGroup{{Key: model.SecurityGroupKey, Name: "sg", Ingress: permissions}}
		return s
	}
	want, have := group(from("10.0.0.0/8", ""), from("192.168.0.0/16", "new")), group(from("10.0.0.0/8", "by another name"), from("172.16.0.0/12", ""))
	steps := []plan.Action{
		plan.AuthorizeIngress{Group: model.SecurityGroupKey, Permissions: []model.Permission{from("192.168.0.0/16", "new")}},
		plan.RevokeIngress{Group: model.SecurityGroupKey, Permissions: []model.Permission{from("172.16.0.0/12", "")}},
	}
	if diff := cmp.Diff(steps, actions(plan.Steps(want, observed(have), plan.Options{}))); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}
