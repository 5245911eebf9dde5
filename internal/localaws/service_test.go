package localaws_test

import (
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws"
)

func TestJournalCountsAndResets(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	for range 2 {
		must(c.elb.DescribeLoadBalancers(t.Context(), &elbv2.DescribeLoadBalancersInput{}))(c)
	}
	must(c.sts.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))(c)
	if _, err := c.elb.DescribeLoadBalancers(t.Context(), &elbv2.DescribeLoadBalancersInput{Names: []string{"nobody"}}); err == nil {
		t.Error("nobody was found")
	}
	want := []localaws.Call{
		{Service: "elbv2", Operation: "DescribeLoadBalancers", Result: "LoadBalancerNotFound", Count: 1},
		{Service: "elbv2", Operation: "DescribeLoadBalancers", Result: "ok", Count: 2},
		{Service: "sts", Operation: "GetCallerIdentity", Result: "ok", Count: 1},
	}
	for _, reset := range []bool{false, true} {
		if diff := cmp.Diff(want, must(c.admin.Calls(t.Context(), reset))(c)); diff != "" {
			t.Errorf("with reset %v: %s", reset, diff)
		}
	}
	if diff := cmp.Diff([]localaws.Call{}, must(c.admin.Calls(t.Context(), false))(c)); diff != "" {
		t.Error(diff)
	}
}

func TestThrottlingAsDocumented(t *testing.T) {
	t.Parallel()
	const capacity, perSecond, tries = 40, 10, 60
	c := start(t, func(config *localaws.Config) { config.Throttling = "documented" })
	begun := time.Now()
	for range tries {
		if _, err := c.elb.DescribeLoadBalancers(t.Context(), &elbv2.DescribeLoadBalancersInput{}); err != nil && codeOf(err) != "ThrottlingException" {
			t.Fatal(err)
		}
	}
	most := min(tries, capacity+1+int(perSecond*time.Since(begun).Seconds())) // a busy machine gives the bucket time to fill
	passed := 0
	for _, call := range must(c.admin.Calls(t.Context(), true))(c) {
		if call.Result == "ok" {
			passed = call.Count
		}
	}
	if passed < capacity || passed > most {
		t.Errorf("%d calls passed, want %d to %d", passed, capacity, most)
	}
}

func TestServicesAreToldApartWithoutASignature(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	for _, tt := range []struct {
		name, form, target string
		want               int
		body               string
	}{
		{"elbv2", "Action=DescribeLoadBalancers&Version=2015-12-01", "", 200, "<LoadBalancers></LoadBalancers>"},
		{"classic", "Action=DescribeLoadBalancers&Version=2012-06-01", "", 400, "<Code>InvalidAction</Code>"},
		{"ec2", "Action=DescribeVpcs&Version=2016-11-15", "", 200, "<vpcId>vpc-1</vpcId>"},
		{"ec2-error", "Action=DescribeVpcs&Version=2016-11-15&VpcId.1=x%3C", "", 400, "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>The vpc ID &#39;x&lt;&#39;"},
		{"sts", "Action=GetCallerIdentity&Version=2011-06-15", "", 200, "<Account>123456789012</Account>"},
		{"nothing", "", "", 400, "<Code>InvalidAction</Code>"},
		{"json", "{}", "CertificateManager.ListCertificates", 200, `{"CertificateSummaryList":[]}`},
		{"json-error", `{"MaxItems":0}`, "CertificateManager.ListCertificates", 400, `"__type":"ValidationException"`},
		{"json-not-there", "{}", "AWSNothing_2020.DoNothing", 400, "UnknownOperationException"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL(), strings.NewReader(tt.form))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if tt.target != "" {
			request.Header.Set("X-Amz-Target", tt.target)
		}
		answer := must(http.DefaultClient.Do(request))(c)
		var body strings.Builder
		if err := answer.Write(&body); err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != tt.want || !strings.Contains(body.String(), tt.body) {
			t.Errorf("%s: got %d %s", tt.name, answer.StatusCode, body.String())
		}
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	const latency = 50 * time.Millisecond
	c := start(t, func(config *localaws.Config) { config.Latency = latency })
	begun := time.Now()
	must(c.sts.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}))(c)
	if took := time.Since(begun); took < latency {
		t.Errorf("the answer took %s", took)
	}
}

func TestConfigIsCheckedAsAWhole(t *testing.T) {
	t.Parallel()
	_, err := localaws.Start(t.Context(), localaws.Config{
		Region: "here", AccountID: "1", Addresses: netip.MustParsePrefix("10.0.0.0/8"), PortOffset: 1, Throttling: "some",
		DrainingReregister: "maybe", Profile: "some", Latency: -1, Speed: -1, Quotas: map[string]int{"elbv2/none": 1},
	})
	if err == nil {
		t.Fatal("it started")
	}
	for _, field := range []string{"Region", "AccountID", "Addresses", "PortOffset", "Throttling", "DrainingReregister", "Profile", "Latency", "Speed", "elbv2/none"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("nothing about %s in: %s", field, err)
		}
	}
}

func TestSeedThatDoesNotFit(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	for name, seed := range map[string]localaws.Seed{
		"vpc-twice":           {VPCs: []localaws.VPC{{ID: "vpc-1", CIDR: "10.0.0.0/16"}}},
		"vpc-without-range":   {VPCs: []localaws.VPC{{ID: "vpc-9"}}},
		"subnet-in-no-vpc":    {Subnets: []localaws.Subnet{{ID: "subnet-9", VPCID: "vpc-9", CIDR: "10.0.0.0/24", Zone: "us-west-2a"}}},
		"subnet-out-of-range": {Subnets: []localaws.Subnet{{ID: "subnet-9", VPCID: "vpc-1", CIDR: "10.0.0.0/24", Zone: "us-west-2a"}}},
		"group-twice":         {SecurityGroups: []localaws.SecurityGroup{{ID: "sg-1", VPCID: "vpc-1", Name: "x"}}},
		"instance-nowhere":    {Instances: []localaws.Instance{{ID: "i-9", SubnetID: "subnet-9", PrivateIP: "10.0.0.1"}}},
		"instance-group":      {Instances: []localaws.Instance{{ID: "i-9", SubnetID: "subnet-a", PrivateIP: "127.0.0.9", SecurityGroups: []string{"sg-9"}}}},
	} {
		if err := c.Seed(seed); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

// TestCloseLeavesNothing is not parallel: it counts goroutines.
func TestCloseLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("inside", func(t *testing.T) {
		c := start(t, nil)
		target := c.server("one", nil).Listener.Addr().String()
		address, _, _ := c.serving(target)
		c.get(address, "x.com", "/")
	})
	http.DefaultClient.CloseIdleConnections()
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines before, %d after:\n%s", before, after, stacks[:runtime.Stack(stacks, true)])
	}
}
