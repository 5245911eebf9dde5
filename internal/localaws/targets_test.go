package localaws_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluice-lb/sluice/internal/localaws"
)

// states watches a target until it is in the last of the wanted states, and fails if it saw others on the way.
func (c *cloud) states(group, target string, want ...string) {
	c.Helper()
	var seen []string
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		now := c.health(group, target)
		if len(seen) == 0 || seen[len(seen)-1] != now {
			seen = append(seen, now)
		}
		if now == want[len(want)-1] {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if !slices.Equal(seen, want) {
		c.Errorf("the target was %q, want %q", seen, want)
	}
}

// answering is a target whose status can be changed; 0 holds the answer back until the caller leaves.
func (c *cloud) answering(status *atomic.Int64) string {
	c.Helper()
	return c.server("", func(w http.ResponseWriter, r *http.Request) {
		if code := int(status.Load()); code != 0 {
			w.WriteHeader(code)
			return
		}
		<-r.Context().Done()
	}).Listener.Addr().String()
}

func TestLifeOfATarget(t *testing.T) {
	t.Parallel()
	c := start(t, func(config *localaws.Config) { config.Speed = 10 })
	var status atomic.Int64
	status.Store(503)
	target := c.answering(&status)
	group := c.targetGroup("web", func(in *elbv2.CreateTargetGroupInput) {
		in.HealthyThresholdCount, in.UnhealthyThresholdCount = aws.Int32(2), aws.Int32(3)
		in.Matcher = &elbv2types.Matcher{HttpCode: aws.String("200,210-212")}
	})
	c.register(group, target)
	if got := c.health(group, target); got != "unused Target.NotInUse" {
		t.Errorf("in a group that nothing uses the target is %s", got)
	}
	balancer := c.loadBalancer("web")
	listener := c.listener(*balancer.LoadBalancerArn, listenPort, forwardTo(group))
	c.states(group, target, "initial Elb.RegistrationInProgress", "initial Elb.InitialHealthChecking", "unhealthy Target.ResponseCodeMismatch")
	out := must(c.elb.DescribeTargetHealth(t.Context(), &elbv2.DescribeTargetHealthInput{TargetGroupArn: &group}))(c)
	described := targetOf(c, target)
	described.AvailabilityZone = aws.String("us-west-2a")
	want := []elbv2types.TargetHealthDescription{{
		Target: &described, HealthCheckPort: aws.String(target[strings.LastIndex(target, ":")+1:]),
		TargetHealth: &elbv2types.TargetHealth{
			State: elbv2types.TargetHealthStateEnumUnhealthy, Reason: elbv2types.TargetHealthReasonEnumResponseCodeMismatch,
			Description: aws.String("Health checks failed with these codes: [503]"),
		},
	}}
	if diff := cmp.Diff(want, out.TargetHealthDescriptions, ignoreHidden); diff != "" {
		t.Error(diff)
	}
	status.Store(211)
	c.states(group, target, "unhealthy Target.ResponseCodeMismatch", "healthy")
	status.Store(0)
	c.states(group, target, "healthy", "unhealthy Target.Timeout")
	status.Store(200)
	eventually(c, "health", func() string { return c.health(group, target) }, "healthy")
	must(c.elb.DeleteListener(t.Context(), &elbv2.DeleteListenerInput{ListenerArn: &listener}))(c)
	if got := c.health(group, target); got != "unused Target.NotInUse" {
		t.Errorf("after its listener went the target is %s", got)
	}
}

// ignoreHidden leaves out the fields that the SDK keeps for itself, and whether an empty list was there.
var ignoreHidden = cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(
	elbv2types.TargetHealthDescription{}, elbv2types.TargetHealth{}, elbv2types.TargetDescription{},
	elbv2types.LoadBalancer{}, elbv2types.LoadBalancerState{}, elbv2types.AvailabilityZone{}, elbv2types.TargetGroup{},
	elbv2types.Matcher{}, elbv2types.Rule{}, elbv2types.RuleCondition{}, elbv2types.HostHeaderConditionConfig{},
	elbv2types.PathPatternConditionConfig{}, elbv2types.Action{}, elbv2types.ForwardActionConfig{},
	elbv2types.TargetGroupTuple{}, elbv2types.TargetGroupStickinessConfig{}, elbv2types.FixedResponseActionConfig{},
	elbv2types.Listener{}, elbv2types.TagDescription{}, elbv2types.Tag{}, elbv2types.HttpHeaderConditionConfig{},
	elbv2types.RedirectActionConfig{},
)}

func TestNewTargetNeedsOneSuccess(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	var mu sync.Mutex
	var checks []string
	target := c.server("", func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		checks = append(checks, strings.Join([]string{r.Method, r.URL.String(), r.Host, r.UserAgent(), r.Proto}, " "))
	}).Listener.Addr().String()
	balancer := c.loadBalancer("web")
	group := c.targetGroup("web", func(in *elbv2.CreateTargetGroupInput) {
		in.HealthCheckPath, in.HealthyThresholdCount = aws.String("/ready?deep=1"), aws.Int32(10)
		in.HealthCheckIntervalSeconds = aws.Int32(300)
	})
	c.listener(*balancer.LoadBalancerArn, listenPort, forwardTo(group))
	c.register(group, target)
	eventually(c, "health", func() string { return c.health(group, target) }, "healthy")
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff([]string{"GET /ready?deep=1 " + target + " ELB-HealthChecker/2.0 HTTP/1.1"}, checks); diff != "" {
		t.Error(diff)
	}
}

func TestRefusedHealthChecks(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	server := c.server("", nil)
	target := server.Listener.Addr().String()
	server.Close()
	balancer := c.loadBalancer("web")
	group := c.targetGroup("web", nil)
	c.listener(*balancer.LoadBalancerArn, listenPort, forwardTo(group))
	c.register(group, target)
	eventually(c, "health", func() string { return c.health(group, target) }, "unhealthy Target.FailedHealthChecks")
}

func TestDrainingAddressComesBackOnlyAfterItsDelay(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]string{"ignored": "ok", "error": "InvalidTarget"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			c := start(t, func(config *localaws.Config) { config.DrainingReregister = mode })
			target := c.server("one", nil).Listener.Addr().String()
			_, _, group := c.serving(target)
			must(c.elb.ModifyTargetGroupAttributes(t.Context(), &elbv2.ModifyTargetGroupAttributesInput{
				TargetGroupArn: &group,
				Attributes:     []elbv2types.TargetGroupAttribute{{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("25")}},
			}))(c)
			c.deregister(group, target)
			_, err := c.elb.RegisterTargets(t.Context(), &elbv2.RegisterTargetsInput{
				TargetGroupArn: &group, Targets: []elbv2types.TargetDescription{targetOf(c, target)},
			})
			if got := codeOf(err); got != want {
				t.Errorf("registering again answers %s, want %s", got, want)
			}
			c.states(group, target, "draining Target.DeregistrationInProgress", "unused Target.NotRegistered")
			c.register(group, target)
			eventually(c, "health", func() string { return c.health(group, target) }, "healthy")
		})
	}
}

func TestTargetInAZoneThatIsNotEnabled(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	balancer := c.loadBalancer("web") // in zones a and b
	group := c.targetGroup("web", nil)
	c.listener(*balancer.LoadBalancerArn, listenPort, forwardTo(group))
	const target = "127.0.32.7:80" // in zone c
	c.register(group, target)
	if got := c.health(group, target); got != "unused Target.NotInUse" {
		t.Errorf("the target is %s", got)
	}
	must(c.elb.SetSubnets(t.Context(), &elbv2.SetSubnetsInput{LoadBalancerArn: balancer.LoadBalancerArn, Subnets: []string{"subnet-a", "subnet-c"}}))(c)
	eventually(c, "health", func() string { return c.health(group, target) }, "unhealthy Target.FailedHealthChecks")
}

func TestInstanceTargets(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	server := c.server("node", nil)
	balancer := c.loadBalancer("web")
	port := *targetOf(c, server.Listener.Addr().String()).Port
	group := c.targetGroup("web", func(in *elbv2.CreateTargetGroupInput) {
		in.TargetType, in.Port = elbv2types.TargetTypeEnumInstance, &port
	})
	c.listener(*balancer.LoadBalancerArn, listenPort, forwardTo(group))
	target := []elbv2types.TargetDescription{{Id: aws.String("i-1")}}
	must(c.elb.RegisterTargets(t.Context(), &elbv2.RegisterTargetsInput{TargetGroupArn: &group, Targets: target}))(c)
	address := c.address(*balancer.DNSName, listenPort)
	eventually(c, "an answer", func() response { return c.get(address, "x.com", "/") }, response{200, "node"})
}

func TestGroupMovesToAnotherLoadBalancer(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	target := c.server("one", nil).Listener.Addr().String()
	_, listener, group := c.serving(target)
	second := c.loadBalancer("second")
	refused, err := c.elb.CreateListener(t.Context(), &elbv2.CreateListenerInput{
		LoadBalancerArn: second.LoadBalancerArn, Port: aws.Int32(listenPort), Protocol: elbv2types.ProtocolEnumHttp, DefaultActions: forwardTo(group),
	})
	if codeOf(err) != "TargetGroupAssociationLimit" {
		t.Fatal(refused, err)
	}
	must(c.elb.DeleteListener(t.Context(), &elbv2.DeleteListenerInput{ListenerArn: &listener}))(c)
	c.listener(*second.LoadBalancerArn, listenPort, forwardTo(group))
	address := c.address(*second.DNSName, listenPort)
	eventually(c, "an answer", func() response { return c.get(address, "x.com", "/") }, response{200, "one"})
	time.Sleep(4 * time.Second / testSpeed) // the first load balancer lets go of the group
	eventually(c, "health", func() string { return c.health(group, target) }, "healthy")
}
