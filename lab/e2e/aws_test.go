package e2e

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/lab/spawn"
)

// account is a lab's AWS as anybody could ask it.
type account struct {
	t   *testing.T
	lab *spawn.Lab
	url string
	elb *elbv2.Client
}

func accountOf(t *testing.T, lab *spawn.Lab) *account {
	t.Helper()
	url, err := lab.Dir.AWSEndpoint()
	if err != nil {
		t.Fatal(err)
	}
	return &account{t: t, lab: lab, url: url, elb: elbv2.New(elbv2.Options{
		BaseEndpoint: &url, Region: "us-west-2", RetryMaxAttempts: 10, // the controller, and other tests, use the same rates
		Credentials: credentials.NewStaticCredentialsProvider("AKIASLUICETEST000000", "not-a-secret", ""),
	})}
}

func (a *account) loadBalancers() []elbv2types.LoadBalancer {
	a.t.Helper()
	answer, err := a.elb.DescribeLoadBalancers(a.t.Context(), &elbv2.DescribeLoadBalancersInput{})
	if err != nil {
		a.t.Fatal(err)
	}
	return answer.LoadBalancers
}

// states are those of all targets of the load balancer with this name, by address.
func (a *account) states(dnsName string) map[string]string {
	a.t.Helper()
	states := map[string]string{}
	for _, balancer := range a.loadBalancers() {
		if !strings.EqualFold(aws.ToString(balancer.DNSName), dnsName) {
			continue
		}
		groups, err := a.elb.DescribeTargetGroups(a.t.Context(), &elbv2.DescribeTargetGroupsInput{LoadBalancerArn: balancer.LoadBalancerArn})
		if err != nil {
			a.t.Fatal(err)
		}
		for _, group := range groups.TargetGroups {
			health, err := a.elb.DescribeTargetHealth(a.t.Context(), &elbv2.DescribeTargetHealthInput{TargetGroupArn: group.TargetGroupArn})
			if err != nil {
				a.t.Fatal(err)
			}
			for _, target := range health.TargetHealthDescriptions {
				states[aws.ToString(target.Target.Id)] = string(target.TargetHealth.State)
			}
		}
	}
	return states
}

// possessions are what costs money or is in the way: load balancers, target groups, security
// groups with their rules. Ids are left out.
func (a *account) possessions() []string {
	a.t.Helper()
	var all []string
	for _, balancer := range a.loadBalancers() {
		all = append(all, "load balancer "+aws.ToString(balancer.LoadBalancerName))
	}
	groups, err := a.elb.DescribeTargetGroups(a.t.Context(), &elbv2.DescribeTargetGroupsInput{})
	if err != nil {
		a.t.Fatal(err)
	}
	for _, group := range groups.TargetGroups {
		all = append(all, "target group "+aws.ToString(group.TargetGroupName))
	}
	all = append(all, a.securityGroups()...)
	slices.Sort(all)
	return all
}

// securityGroups asks without an SDK, which is not among the lab's modules.
func (a *account) securityGroups() []string {
	a.t.Helper()
	response, err := http.Get(a.url + "/?Action=DescribeSecurityGroups&Version=2016-11-15")
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Groups []struct {
			Name  string `xml:"groupName"`
			Rules []struct {
				From   int        `xml:"fromPort"`
				To     int        `xml:"toPort"`
				CIDRs  []struct{} `xml:"ipRanges>item"`
				Groups []struct{} `xml:"groups>item"`
			} `xml:"ipPermissions>item"`
		} `xml:"securityGroupInfo>item"`
	}
	if err := xml.NewDecoder(response.Body).Decode(&answer); err != nil {
		a.t.Fatal(err)
	}
	if len(answer.Groups) == 0 {
		a.t.Fatal("AWS names no security group, not even the cluster's")
	}
	var all []string
	for _, group := range answer.Groups {
		all = append(all, fmt.Sprintf("security group %s %+v", group.Name, group.Rules))
	}
	return all
}

// calls are those since the last reset, by operation, whatever their results were.
func (a *account) calls() map[string]int {
	a.t.Helper()
	counts := map[string]int{}
	for _, c := range a.journal() {
		counts[c.Operation] += c.Count
	}
	return counts
}

// journal is what the local AWS has counted of its calls since the last reset.
func (a *account) journal() []localaws.Call {
	a.t.Helper()
	out, err := run(a.t, "aws", "calls", "--dir="+string(a.lab.Dir), "-o", "json")
	if err != nil {
		a.t.Fatal(err)
	}
	var calls []localaws.Call
	if err := json.Unmarshal([]byte(out), &calls); err != nil {
		a.t.Fatal(err)
	}
	return calls
}

// address is where a load balancer listens for HTTP, or "" while it is not provisioned.
func (a *account) address(dnsName string) string {
	a.t.Helper()
	addresses, err := localaws.Admin{URL: a.url}.Addresses(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	for _, one := range addresses {
		if strings.EqualFold(one.DNSName, dnsName) && one.Port == 80 {
			return one.Address
		}
	}
	return ""
}

// servesHost reports whether a Pod answers behind the load balancer, as this host.
func (a *account) servesHost(dnsName, host, path string) bool {
	a.t.Helper()
	address := a.address(dnsName)
	return address != "" && ask(a.t.Context(), address, host, path) == nil
}

// ask is one request on a connection of its own; an error unless a Pod answers with 200.
func ask(ctx context.Context, address, host, path string) error {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	request.Host = host
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return errors.New("status " + response.Status)
	}
	return nil
}
