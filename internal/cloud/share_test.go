package cloud_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// sharing is who shares an account, and for how long.
type sharing struct {
	clusters int
	share    float64       // of each cluster's budget
	foreign  float64       // calls a second of somebody who asks no budget
	settle   time.Duration // after the last cluster has come, before counting begins
	lasts    time.Duration // of counting
}

// Each cluster wants more than it can have: 12 target groups asked once a second, four
// hands that change something, targets that come and go, and slow rounds. Who changes the
// budget looks at the table that this logs (-v).
func TestFourClustersAndAForeignClientShareAnAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := shareAnAccount(t, sharing{clusters: 4, share: 0.5, foreign: 4, settle: 2 * time.Minute, lasts: 20 * time.Minute})
		a.expectPeace()
	})
}

// expectPeace: few calls are throttled, no cluster has twice as much as another, and
// nothing that anybody wants waits for ever.
func (a *account) expectPeace() {
	a.Helper()
	var sum tally
	var most, least int
	for _, c := range a.tenants {
		total := c.total()
		sum.passed, sum.throttled = sum.passed+total.passed, sum.throttled+total.throttled
		if c.cloud == nil {
			continue // the foreign one
		}
		most, least = max(most, total.passed), min(cmp.Or(least, total.passed), total.passed)
		if total.longest > 2*time.Minute || len(c.tally) != 4 {
			a.Errorf("%s starves", c.name)
		}
	}
	if sum.percent() >= 2 {
		a.Errorf("%.2f %% of all calls were throttled, want less than 2", sum.percent())
	}
	if most > 2*least {
		a.Errorf("one cluster had %d calls and another %d", most, least)
	}
}

func shareAnAccount(t *testing.T, s sharing) *account {
	t.Helper()
	local := newOfflineAWS(t, localaws.Config{Throttling: "documented", Latency: 30 * time.Millisecond})
	a := &account{T: t, aws: local}
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range s.clusters {
		c := &tenant{account: a, name: fmt.Sprintf("cluster-%d", i+1), tally: map[string]*tally{}}
		c.cloud = newOfflineCloud(t, cloud.Config{Cluster: c.name, BudgetShare: s.share}, local)
		a.tenants = append(a.tenants, c)
		all.Go(func() { c.live(ctx) })
		time.Sleep(time.Minute) // they come one by one: the last must find a place
	}
	other := &tenant{account: a, name: "foreign", tally: map[string]*tally{}}
	a.tenants = append(a.tenants, other)
	all.Go(func() { other.hammer(ctx, s.foreign) })
	time.Sleep(s.settle)
	a.count(true)
	time.Sleep(s.lasts)
	a.count(false)
	stop()
	all.Wait()
	t.Logf("%d clusters with a share of %v each, a foreign client with %v calls/s, %s:\n%s", s.clusters, s.share, s.foreign, s.lasts, a)
	return a
}

// account is what is shared.
type account struct {
	*testing.T
	aws     *localaws.Cloud
	tenants []*tenant

	mu       sync.Mutex
	counting bool
}

func (a *account) count(on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counting = on
}

// tenant is one who calls.
type tenant struct {
	*account
	name  string
	cloud *cloud.Cloud
	tally map[string]*tally
}

// tally is how calls of one kind fared while they were counted.
type tally struct {
	passed, throttled int
	longest           time.Duration // from wanting the call to its answer
}

// call notes how one fared. It is not counted when the test ends under it.
func (c *tenant) call(ctx context.Context, kind string, call func() error) error {
	began := time.Now()
	err := call()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.counting || ctx.Err() != nil {
		return err
	}
	if c.tally[kind] == nil {
		c.tally[kind] = &tally{}
	}
	got := c.tally[kind]
	switch {
	case err == nil:
		got.passed++
	case cloud.KindOf(err) == cloud.Throttled || strings.Contains(err.Error(), "Rate exceeded"):
		got.throttled++
	default:
		c.Errorf("%s: %s: %v", c.name, kind, err)
	}
	got.longest = max(got.longest, time.Since(began))
	return err
}

// total is a tenant's sum over all kinds.
func (c *tenant) total() tally {
	var sum tally
	for _, t := range c.tally {
		sum.passed, sum.throttled, sum.longest = sum.passed+t.passed, sum.throttled+t.throttled, max(sum.longest, t.longest)
	}
	return sum
}

const groupsOfATenant = 12

// live does what a busy controller does, until the context ends.
func (c *tenant) live(ctx context.Context) {
	stack := model.StackID{Namespace: "shop", Name: c.name}
	arns := c.makeGroups(ctx, stack)
	var all sync.WaitGroup
	for i, arn := range arns {
		all.Go(func() {
			c.every(ctx, time.Second, "question", func(int) error {
				_, err := c.cloud.TargetHealth(ctx, cloud.Question, arn)
				return err
			})
		})
		if i < 4 {
			all.Go(func() { // one stack a hand: only one may change a stack at a time
				hand := model.StackID{Namespace: stack.Namespace, Name: fmt.Sprintf("%s-%d", stack.Name, i)}
				c.every(ctx, time.Second, "change", func(n int) error {
					return c.cloud.Apply(ctx, hand, modifyAttributes(groupKey(i), n))
				})
			})
		}
	}
	all.Go(func() {
		targets := []model.Target{{Address: netipAddrPort("10.0.0.9:80")}}
		c.every(ctx, 5*time.Second, "registration", func(n int) error {
			send := c.cloud.Register
			if n%2 == 1 {
				send = c.cloud.Deregister
			}
			_, err := send(ctx, arns[0], func() []model.Target { return targets })
			return err
		})
	})
	all.Go(func() {
		c.every(ctx, 10*time.Second, "slow", func(n int) error {
			_, err := c.cloud.TargetHealth(ctx, cloud.Slow, arns[n%len(arns)])
			return err
		})
	})
	all.Wait()
}

// every makes a call again and again, a while after the last answer; throttled ones are
// repeated in a second, as the controller does.
func (c *tenant) every(ctx context.Context, pause time.Duration, kind string, call func(n int) error) {
	for n := 0; ctx.Err() == nil; {
		wait := pause
		if c.call(ctx, kind, func() error { return call(n) }) == nil {
			n++
		} else {
			wait = time.Second
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func groupKey(i int) model.Key { return model.TargetGroupKey(fmt.Sprintf("shop/web-%d:80", i)) }

func modifyAttributes(group model.Key, n int) plan.Step {
	return plan.Step{Verb: plan.Modify, Kind: "target group", Key: group, Action: plan.ModifyTargetGroupAttributes{
		Group: group, Attributes: map[string]string{"deregistration_delay.timeout_seconds": fmt.Sprint(n % 300)},
	}}
}

// makeGroups makes one target group in each of twelve stacks.
func (c *tenant) makeGroups(ctx context.Context, id model.StackID) []string {
	var arns []string
	for i := range groupsOfATenant {
		stack := model.StackID{Namespace: id.Namespace, Name: fmt.Sprintf("%s-%d", id.Name, i)}
		group := model.TargetGroup{
			Key: groupKey(i), Name: fmt.Sprintf("%s-%d", c.name, i), Port: 80, Protocol: "HTTP", ProtocolVersion: "HTTP1", TargetType: "ip", VPC: testVPC,
			HealthCheck: model.HealthCheck{
				Protocol: "HTTP", Port: "traffic-port", Path: "/", Interval: model.Duration(15 * time.Second), Timeout: model.Duration(5 * time.Second),
				HealthyThreshold: 2, UnhealthyThreshold: 2, Matcher: "200",
			},
			Tags: map[string]string{model.ClusterTag: c.name, model.StackTag: stack.String(), model.ResourceTag: groupKey(i).Resource()},
		}
		c.until(ctx, func() error {
			return c.cloud.Apply(ctx, stack, plan.Step{Verb: plan.Create, Kind: "target group", Key: group.Key, Action: plan.CreateTargetGroup{Want: group}})
		})
		c.until(ctx, func() error {
			have, err := c.cloud.Known(ctx, stack)
			if err == nil {
				arns = append(arns, have.IDs[group.Key])
			}
			return err
		})
	}
	return arns
}

func (c *tenant) until(ctx context.Context, do func() error) {
	for do() != nil && ctx.Err() == nil {
		time.Sleep(time.Second)
	}
}

// hammer calls at a steady rate, whatever AWS says.
func (c *tenant) hammer(ctx context.Context, perSecond float64) {
	client := elbv2.New(elbv2.Options{
		Region: "us-west-2", BaseEndpoint: aws.String(c.aws.URL()), HTTPClient: &http.Client{Transport: c.aws}, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("AKIAFOREIGN000000000", "not-a-secret", ""),
	})
	tick := time.NewTicker(time.Duration(float64(time.Second) / perSecond))
	defer tick.Stop()
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			all.Go(func() {
				_ = c.call(ctx, "call", func() error {
					_, err := client.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{})
					return err
				})
			})
		}
	}
}

// String is a line for each tenant, and the sums.
func (a *account) String() string {
	var out strings.Builder
	line := func(name string, t tally) {
		fmt.Fprintf(&out, "  %-24s %6d passed %5d throttled (%5.2f %%), longest wait %s\n", name, t.passed, t.throttled, t.percent(), t.longest.Round(time.Millisecond))
	}
	var sum tally
	for _, c := range a.tenants {
		total := c.total()
		line(c.name, total)
		for _, kind := range slices.Sorted(maps.Keys(c.tally)) {
			line("  "+kind, *c.tally[kind])
		}
		sum.passed, sum.throttled, sum.longest = sum.passed+total.passed, sum.throttled+total.throttled, max(sum.longest, total.longest)
	}
	line("all", sum)
	return out.String()
}

func (t tally) percent() float64 {
	return 100 * float64(t.throttled) / float64(max(1, t.passed+t.throttled))
}
