package localaws_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/localaws/policy"
)

const guardedKey = "AKIASLUICEGUARDED000"

func document(t *testing.T, name, statements string) policy.Document {
	t.Helper()
	d, err := policy.Parse(name, []byte(`{"Version":"2012-10-17","Statement":[`+statements+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A principal may do what its policies say, in each service's own words where it may not; all others may do everything.
func TestPrincipalsMayDoWhatTheirPoliciesSay(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var allowed []string
	c := start(t, func(config *localaws.Config) {
		config.Principals = map[string]localaws.Principal{guardedKey: {
			ARN: "arn:aws:sts::123456789012:assumed-role/guarded/session",
			Policies: []policy.Document{document(
				t, "guarded",
				`{"Effect":"Allow","Action":["ec2:Describe*","elasticloadbalancing:CreateTargetGroup","iam:CreateServiceLinkedRole","sts:AssumeRole"],"Resource":"*"},
				{"Effect":"Allow","Action":"elasticloadbalancing:DeleteTargetGroup","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/owner":"us"}}},
				{"Effect":"Deny","Action":"ec2:DescribeVpcs","Resource":"*"}`,
			)},
			Roles: []policy.Document{document(t, "role", `{"Effect":"Allow","Action":"elasticloadbalancing:DescribeTargetGroups","Resource":"*"}`)},
		}}
		config.Decided = func(d localaws.Decided) {
			mu.Lock()
			defer mu.Unlock()
			if d.Decision.Allowed {
				allowed = append(allowed, d.Request.Action)
			}
		}
	})
	guarded := aws.Config{Region: "us-west-2", BaseEndpoint: new(c.URL()), Credentials: credentials.NewStaticCredentialsProvider(guardedKey, "x", "")}
	elb := elbv2.NewFromConfig(guarded)

	theirs := must(c.elb.CreateTargetGroup(t.Context(), &elbv2.CreateTargetGroupInput{Name: new("theirs"), Port: new(int32(80)), Protocol: "HTTP", VpcId: new("vpc-1")}))(c)
	ours := must(c.elb.CreateTargetGroup(t.Context(), &elbv2.CreateTargetGroupInput{
		Name: new("ours"), Port: new(int32(80)), Protocol: "HTTP", VpcId: new("vpc-1"), Tags: []elbv2types.Tag{{Key: new("owner"), Value: new("us")}},
	}))(c)

	const who = "User: arn:aws:sts::123456789012:assumed-role/guarded/session is not authorized to perform: "
	_, err := elb.DescribeTargetGroups(t.Context(), &elbv2.DescribeTargetGroupsInput{})
	expectRefusal(t, err, "AccessDenied", who+"elasticloadbalancing:DescribeTargetGroups because no identity-based policy allows the elasticloadbalancing:DescribeTargetGroups action")
	_, err = elb.DeleteTargetGroup(t.Context(), &elbv2.DeleteTargetGroupInput{TargetGroupArn: theirs.TargetGroups[0].TargetGroupArn})
	expectRefusal(t, err, "AccessDenied", who+"elasticloadbalancing:DeleteTargetGroup on resource: "+*theirs.TargetGroups[0].TargetGroupArn+" because")
	_, err = ec2.NewFromConfig(guarded).DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
	expectRefusal(t, err, "UnauthorizedOperation", "You are not authorized to perform this operation. "+who+"ec2:DescribeVpcs with an explicit deny in an identity-based policy. Encoded authorization failure message: ")
	_, err = acm.NewFromConfig(guarded).ListCertificates(t.Context(), &acm.ListCertificatesInput{})
	expectRefusal(t, err, "AccessDeniedException", who+"acm:ListCertificates because")
	_, err = elb.CreateTargetGroup(t.Context(), &elbv2.CreateTargetGroupInput{Name: new("third"), Port: new(int32(80)), Protocol: "HTTP", VpcId: new("vpc-1")})
	expectRefusal(t, err, "AccessDenied", "to perform: ec2:DescribeVpcs with an explicit deny") // on its behalf

	if _, err := elb.DeleteTargetGroup(t.Context(), &elbv2.DeleteTargetGroupInput{TargetGroupArn: ours.TargetGroups[0].TargetGroupArn}); err != nil {
		t.Error(err)
	}
	role := must(sts.NewFromConfig(guarded).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: new("arn:aws:iam::210987654321:role/there"), RoleSessionName: new("session")}))(c)
	guarded.Credentials = credentials.NewStaticCredentialsProvider(*role.Credentials.AccessKeyId, *role.Credentials.SecretAccessKey, *role.Credentials.SessionToken)
	if _, err := elbv2.NewFromConfig(guarded).DescribeTargetGroups(t.Context(), &elbv2.DescribeTargetGroupsInput{}); err != nil {
		t.Error(err)
	}
	_, err = ec2.NewFromConfig(guarded).DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{})
	expectRefusal(t, err, "UnauthorizedOperation", "User: arn:aws:sts::210987654321:assumed-role/there/session is not")

	mu.Lock()
	defer mu.Unlock()
	want := "elasticloadbalancing:CreateTargetGroup ec2:DescribeInternetGateways elasticloadbalancing:DeleteTargetGroup sts:AssumeRole elasticloadbalancing:DescribeTargetGroups"
	if got := strings.Join(allowed, " "); got != want {
		t.Errorf("allowed were %s, want %s", got, want)
	}
}

func expectRefusal(t *testing.T, err error, code, message string) {
	t.Helper()
	if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), message) {
		t.Errorf("%v; want %s: %s", err, code, message)
	}
}
