package conformance

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/sluice-lb/sluice/test/awsconformance"
)

func TestLocal(t *testing.T) {
	t.Parallel()
	var told, written bytes.Buffer
	report, err := Run(t.Context(), Config{Endpoint: Local, Prefix: "sluice-conf", Tell: &told})
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Err(); err != nil {
		t.Error(err)
	}
	if err := report.WriteJSON(&written); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"endpoint": "local"`, `"failed": 0`, `"source": "unconfirmed"`, `"source": "API reference, CreateLoadBalancer"`} {
		if !strings.Contains(written.String(), want) {
			t.Errorf("the report does not hold %s", want)
		}
	}
	if strings.Contains(told.String(), "USD") {
		t.Errorf("the local AWS costs nothing, but it said: %s", &told)
	}
}

// TestInterruptedAndLeft: a run that ends early leaves nothing; what is left all the same stays until somebody says yes.
func TestInterruptedAndLeft(t *testing.T) {
	t.Parallel()
	p, err := openLocal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	client := elbv2.NewFromConfig(p.aws)
	count := func() int {
		out, err := client.DescribeTargetGroups(t.Context(), &elbv2.DescribeTargetGroupsInput{})
		if err != nil {
			t.Fatal(err)
		}
		return len(out.TargetGroups)
	}

	ctx, cancel := context.WithCancel(t.Context())
	var told bytes.Buffer
	config := Config{Endpoint: *p.aws.BaseEndpoint, Prefix: "conf", Tell: &told, Observe: func(awsconformance.Result) { cancel() }}
	report, err := Run(ctx, config)
	if err != nil || report.Held != 1 || report.Skipped == 0 {
		t.Fatalf("the interrupted run ended with %v and %+v", err, report)
	}
	if count() != 0 {
		t.Errorf("it left %d target groups", count())
	}

	for name, value := range map[string]string{"conf-old": "conf", "conf-mine": "other", "other": "conf"} {
		if _, err := client.CreateTargetGroup(t.Context(), &elbv2.CreateTargetGroupInput{
			Name: &name, Protocol: "HTTP", Port: aws.Int32(80), VpcId: &p.vpc,
			Tags: []elbv2types.Tag{{Key: aws.String(awsconformance.TagKey), Value: &value}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	config.OnlyTidy, config.Ask = true, strings.NewReader("no\n")
	if _, err := Run(t.Context(), config); err == nil || count() != 3 {
		t.Errorf("without consent there are %d target groups, and the error is %v", count(), err)
	}
	config.Ask = strings.NewReader("yes\n")
	if _, err := Run(t.Context(), config); err != nil || count() != 2 {
		t.Errorf("of what is not the suite's %d target groups are there, and the error is %v", count(), err)
	}
}

func TestAnnouncement(t *testing.T) {
	t.Parallel()
	p := place{account: "123456789012", vpc: "vpc-1", subnets: []string{"subnet-a", "subnet-b"}, costs: true}
	text := p.announcement("sluice-conf")
	for _, want := range []string{
		"123456789012", "vpc-1", "subnet-a and subnet-b", "sluice-conf-", awsconformance.TagKey, "USD", "estimate", "https://aws.amazon.com/elasticloadbalancing/pricing/",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %s:\n%s", want, text)
		}
	}
	if config := (Config{Tell: &bytes.Buffer{}}); config.consent("Go on?") {
		t.Error("silence was taken for consent")
	}
}
