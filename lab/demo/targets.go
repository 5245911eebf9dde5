package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

// observer asks AWS for the health of the targets of one load balancer, as anyone could from
// outside. Its questions count against the account's limits like all others, so it asks seldom.
type observer struct {
	client  *elbv2.Client
	dnsName string
	groups  []string // ARNs of the target groups, once known
}

func newObserver(endpoint, dnsName string) *observer {
	client := elbv2.New(elbv2.Options{
		BaseEndpoint: &endpoint, Region: "us-west-2",
		Credentials: credentials.NewStaticCredentialsProvider("AKIASLUICEDEMO000000", "not-a-secret", ""),
	})
	return &observer{client: client, dnsName: dnsName}
}

// states lists each address once, with the least good of its states.
func (o *observer) states(ctx context.Context) ([]targetState, error) {
	if len(o.groups) == 0 {
		if err := o.findGroups(ctx); err != nil {
			return nil, err
		}
	}
	worst := map[string]string{}
	for _, group := range o.groups {
		health, err := o.client.DescribeTargetHealth(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: &group})
		if err != nil {
			o.groups = nil // it may have been replaced
			return nil, err
		}
		for _, target := range health.TargetHealthDescriptions {
			address, state := aws.ToString(target.Target.Id), string(target.TargetHealth.State)
			if known, found := worst[address]; !found || known == "healthy" {
				worst[address] = state
			}
		}
	}
	var states []targetState
	for address, state := range worst {
		states = append(states, targetState{address: address, state: state})
	}
	return states, nil
}

func (o *observer) findGroups(ctx context.Context) error {
	balancers, err := o.client.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{})
	if err != nil {
		return err
	}
	for _, balancer := range balancers.LoadBalancers {
		if !strings.EqualFold(aws.ToString(balancer.DNSName), o.dnsName) {
			continue
		}
		groups, err := o.client.DescribeTargetGroups(ctx, &elbv2.DescribeTargetGroupsInput{LoadBalancerArn: balancer.LoadBalancerArn})
		if err != nil {
			return err
		}
		for _, group := range groups.TargetGroups {
			o.groups = append(o.groups, aws.ToString(group.TargetGroupArn))
		}
		return nil
	}
	return fmt.Errorf("AWS has no load balancer %s", o.dnsName)
}

// observe asks once a second while Pods wait for their targets.
func (o *observer) observe(ctx context.Context, times *timelines) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !times.waiting() {
			continue
		}
		asked := time.Now()
		if states, err := o.states(ctx); err == nil { // else throttled, or gone for a moment: the next second will tell
			times.targets(asked, time.Now(), states)
		}
	}
}
