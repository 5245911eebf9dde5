package bench

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/internal/localaws/fault"
	"github.com/sluice-lb/sluice/lab/traffic"
)

// SoakConfig is how to run Soak, beside what every bench has.
type SoakConfig struct {
	Config
	For      time.Duration
	Rate     float64 // exchanges a second, of all kinds
	Replicas int     // of each of the three Deployments
}

// Soak lets the cluster change, AWS fail and the controller end, one after the other and under traffic, for a long time.
// In the second half the controller is left alone, so that it shows whether what it holds grows. In the end everything
// is deleted.
func Soak(ctx context.Context, config SoakConfig) (*SoakReport, error) {
	config.within = config.For + within
	return run(ctx, config.Config, func(b *bench, ctx context.Context) (*SoakReport, error) {
		t := &trafficBench{bench: b, config: TrafficConfig{Config: config.Config, Rate: config.Rate, Replicas: config.Replicas}, color: "blue"}
		return (&soakBench{trafficBench: t, lasts: config.For}).run(ctx)
	})
}

type soakBench struct {
	*trafficBench
	lasts   time.Duration
	ends    int
	samples []soakSample
}

// mishaps are what AWS does meanwhile, in turn; the first is nothing. Each meets only a share of the calls: a Pod that
// ends is lost to its load balancer when no call gets through for as long as it drains.
var mishaps = []struct {
	name string
	rule fault.Rule
}{
	{"no mishap", fault.Rule{}},
	{"a tenth of the calls are throttled", fault.Rule{Code: "Throttling", Probability: 0.1}},
	{"one call in twenty is answered with 503", fault.Rule{Status: 503, Probability: 0.05}},
	{"one answer in twenty is lost", fault.Rule{LoseAnswer: true, Probability: 0.05}},
	{"a tenth of the calls take two seconds more", fault.Rule{Delay: 2 * time.Second, Probability: 0.1}},
	{"a fifth of the answers are five seconds old", fault.Rule{Operation: "Describe*", Stale: 5 * time.Second, Probability: 0.2}},
}

// endings of the controller, in turn.
var endings = []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM}

func (b *soakBench) run(ctx context.Context) (*SoakReport, error) {
	before, err := b.possessions(ctx)
	if err != nil {
		return nil, err
	}
	place, err := b.prepare(ctx)
	if err != nil {
		return nil, err
	}
	changes := 0
	took, counts, err := b.underLoad(ctx, place, func(load *traffic.Load) error {
		changes, err = b.change(ctx, load)
		return err
	})
	report := newSoakReport(took, changes, b.ends, newTrafficReport(changes, took, counts), b.samples)
	if err != nil {
		return report, err
	}
	report.Left, err = b.leave(ctx, before)
	return report, err
}

// change goes on until the time is over; it returns after how many changes that was.
func (b *soakBench) change(ctx context.Context, load *traffic.Load) (int, error) {
	peaceful := slices.DeleteFunc(slices.Clone(events), func(e event) bool { return e.loses })
	began := time.Now()
	n := 0
	for ; time.Since(began) < b.lasts; n++ {
		change, mishap := peaceful[n%len(peaceful)], mishaps[(n+n/len(peaceful))%len(mishaps)] // others meet in each round
		restless := time.Since(began) < b.lasts/2
		load.During(change.Name)
		if err := b.changeAmid(ctx, n, change, mishap.rule, restless); err != nil {
			return n, fmt.Errorf("change %d, %s, while %s: %w", n+1, change.Name, mishap.name, err)
		}
		b.say("%s, while %s: %d failed so far", change.Name, mishap.name, failedOf(load.Counts()))
		load.During("calm")
		if err := pause(ctx, calm); err != nil {
			return n, err
		}
		if err := b.sample(ctx); err != nil {
			return n, err
		}
	}
	return n, nil
}

// changeAmid has something happen while AWS does what the rule says; a restless controller ends in the middle of it.
func (b *soakBench) changeAmid(ctx context.Context, n int, change event, rule fault.Rule, restless bool) error {
	if rule.Kind() != "" {
		if _, err := b.admin.AddFault(ctx, rule); err != nil {
			return err
		}
	}
	if restless {
		b.ends++
		timer := time.AfterFunc(3*time.Second, func() {
			if controller, err := b.controllerProcess(); err == nil {
				_ = syscall.Kill(int(controller), endings[n%len(endings)]) // it may be gone already
			}
		})
		defer timer.Stop()
	}
	if err := change.happen(b.trafficBench, ctx); err != nil {
		return err
	}
	_, err := b.admin.ClearFaults(ctx)
	return err
}

// leave deletes everything and says what is left in AWS that was not there before.
func (b *soakBench) leave(ctx context.Context, before []string) (left []string, err error) {
	b.say("deleting everything")
	if err := b.client.CoreV1().Namespaces().Delete(ctx, namespace, metav1.DeleteOptions{}); err != nil {
		return nil, err
	}
	err = b.await(ctx, func(ctx context.Context) (string, error) {
		now, err := b.possessions(ctx)
		if err != nil {
			return "", err
		}
		left = slices.DeleteFunc(now, func(one string) bool { return slices.Contains(before, one) })
		if len(left) == 0 {
			return "", nil
		}
		return fmt.Sprintf("AWS still has %v", left), nil
	})
	if ctx.Err() != nil { // it stays so
		err = nil
	}
	return left, err
}

// possessions are the load balancers, target groups and security groups of the account.
func (b *soakBench) possessions(ctx context.Context) ([]string, error) {
	keys := credentials.NewStaticCredentialsProvider("AKIASLUICEBENCH00000", "not-a-secret", "")
	elb := elbv2.New(elbv2.Options{BaseEndpoint: &b.endpoint, Region: "us-west-2", Credentials: keys, RetryMaxAttempts: 10})
	machines := ec2.New(ec2.Options{BaseEndpoint: &b.endpoint, Region: "us-west-2", Credentials: keys, RetryMaxAttempts: 10})
	var all []string
	balancers, err := elb.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{})
	if err != nil {
		return nil, err
	}
	for _, one := range balancers.LoadBalancers {
		all = append(all, aws.ToString(one.LoadBalancerArn))
	}
	groups, err := elb.DescribeTargetGroups(ctx, &elbv2.DescribeTargetGroupsInput{})
	if err != nil {
		return nil, err
	}
	for _, one := range groups.TargetGroups {
		all = append(all, aws.ToString(one.TargetGroupArn))
	}
	walls, err := machines.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{})
	if err != nil {
		return nil, err
	}
	for _, one := range walls.SecurityGroups {
		all = append(all, aws.ToString(one.GroupId))
	}
	return all, nil
}
