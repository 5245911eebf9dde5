package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// answered is an error as the SDK makes it of an answer.
func answered(status int, code, message string) error {
	return &smithy.OperationError{ServiceID: "Elastic Load Balancing v2", OperationName: "CreateRule", Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code, Message: message},
	}}
}

// The codes are those of the API reference of ELBv2, per call and common, and of EC2.
func TestKindOfEveryCode(t *testing.T) {
	t.Parallel()
	for kind, codes := range map[Kind][]string{
		Throttled: {"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown", "PriorRequestNotComplete"},
		Transient: {"InternalFailure", "InternalError", "ServiceUnavailable", "HealthUnavailable", "RequestExpired"},
		Conflict: {
			"ResourceInUse", "PriorityInUse", "DuplicateListener", "DuplicateLoadBalancerName", "DuplicateTargetGroupName", "TargetGroupAssociationLimit", "OperationNotPermitted",
			"TooManyLoadBalancers", "TooManyTargetGroups", "TooManyListeners", "TooManyRules", "TooManyTargets", "TooManyUniqueTargetGroupsPerLoadBalancer",
			"TooManyRegistrationsForTargetId", "TooManyCertificates",
			"DependencyViolation", "InvalidGroup.Duplicate", "InvalidGroup.InUse", "InvalidPermission.Duplicate", "InvalidPermission.NotFound",
			"RulesPerSecurityGroupLimitExceeded", "SecurityGroupLimitExceeded",
		},
		Denied: {
			"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthFailure", "InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken",
			"UnrecognizedClientException", "OptInRequired",
		},
		Gone: {
			"LoadBalancerNotFound", "ListenerNotFound", "RuleNotFound", "TargetGroupNotFound",
			"InvalidGroup.NotFound", "InvalidGroupId.NotFound", "InvalidSecurityGroupID.NotFound", "InvalidInstanceID.NotFound",
		},
		Bug: {
			"ValidationError", "InvalidConfigurationRequest", "IncompatibleProtocols", "InvalidLoadBalancerAction", "InvalidTarget", "InvalidScheme", "InvalidSecurityGroup", "InvalidSubnet",
			"SubnetNotFound", "AllocationIdNotFound", "AvailabilityZoneNotSupported", "CertificateNotFound", "SSLPolicyNotFound", "ALPNPolicyNotFound", "TrustStoreNotFound",
			"DuplicateTagKeys", "TooManyTags", "TooManyActions", "UnsupportedProtocol",
		},
	} {
		for _, code := range codes {
			t.Run(code, func(t *testing.T) {
				t.Parallel()
				if got := KindOf(classify(elbv2Service, "CreateRule", answered(http.StatusBadRequest, code, "no"))); got != kind {
					t.Errorf("got %s, want %s", got, kind)
				}
			})
		}
	}
}

func TestEveryCodeThatIsKnownIsTested(t *testing.T) {
	t.Parallel()
	if got, want := len(kinds), 6+5+22+9+8; got != want {
		t.Errorf("%d codes are known and %d tested; add the new ones to TestKindOfEveryCode", got, want)
	}
}

func TestACodeThatIsNotKnownIsJudgedByItsStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]Kind{400: Bug, 401: Denied, 403: Denied, 404: Bug, 429: Throttled, 500: Transient, 503: Transient} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			if got := KindOf(classify(elbv2Service, "CreateRule", answered(status, "NeverHeardOf", "no"))); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestErrorsThatAreNotAnswers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		err  error
		kind Kind
		text string
	}{
		{"no-answer-in-time", fmt.Errorf("sending: %w", context.DeadlineExceeded), Transient, "CreateRule answered NoAnswer: no answer from AWS in time"},
		{"nobody-waits-for-it", context.Canceled, Transient, "CreateRule answered NoAnswer: no answer from AWS"},
		{"the-connection-broke", errors.New("read tcp 10.0.0.1:47110->10.0.0.2:443: connection reset by peer"), Transient, "CreateRule answered NoAnswer: no answer from AWS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := classify(elbv2Service, "CreateRule", test.err)
			if KindOf(err) != test.kind || err.Error() != test.text || !errors.Is(err, test.err) {
				t.Errorf("got %s %q, want %s %q around the SDK's", KindOf(err), err, test.kind, test.text)
			}
		})
	}
	if classify(elbv2Service, "CreateRule", nil) != nil {
		t.Error("success is no error")
	}
}

func TestKindOfErrorsThatAreNotOfAWS(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  error
		want Kind
	}{
		"wrapped":       {fmt.Errorf("creating rule: %w", &Error{Kind: Gone}), Gone},
		"joined":        {errors.Join(errors.New("one"), &Error{Kind: Conflict}), Conflict},
		"canceled":      {fmt.Errorf("waiting: %w", context.Canceled), Transient},
		"deadline":      {context.DeadlineExceeded, Transient},
		"anything-else": {errors.New("listener/80 has no identifier yet"), Bug},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := KindOf(test.err); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// What reaches a status or an event must not differ from try to try.
func TestTheTextOfAnErrorHoldsNothingThatDiffers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, code, message, want string
	}{
		{"a-plain-refusal", "PriorityInUse", "Priority '1' is currently in use. ", "CreateRule answered PriorityInUse: Priority '1' is currently in use"},
		{
			"a-missing-permission-names-the-action", "AccessDenied", "User: arn:aws:sts::111122223333:assumed-role/sluice/x is not authorized to perform: elasticloadbalancing:CreateRule",
			"CreateRule answered AccessDenied: User: arn:aws:sts::111122223333:assumed-role/sluice/x is not authorized to perform: elasticloadbalancing:CreateRule " +
				"(allow elasticloadbalancing:CreateRule in the IAM policy of Sluice)",
		},
		{
			"what-ec2-encodes-is-cut-off", "UnauthorizedOperation", "You are not authorized to perform this operation. Encoded authorization failure message: 4GIOHlTkIaWHQD0Q0m6XSnuUMCm-abcdef",
			"CreateRule answered UnauthorizedOperation: You are not authorized to perform this operation (allow elasticloadbalancing:CreateRule in the IAM policy of Sluice)",
		},
		{
			"a-wrong-clock-is-told-without-the-times", "SignatureDoesNotMatch", "Signature expired: 20260501T120000Z is now earlier than 20260501T121500Z (20260501T123000Z - 15 min.)",
			"CreateRule answered SignatureDoesNotMatch: Signature expired; is the clock of this machine right?",
		},
		{
			"a-policy-does-not-help-against-an-expired-token", "ExpiredToken", "The security token included in the request is expired",
			"CreateRule answered ExpiredToken: The security token included in the request is expired",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, classify(elbv2Service, "CreateRule", answered(http.StatusBadRequest, test.code, test.message)).Error()); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}

// client talks to a server on loopback.
func client(t *testing.T, provider aws.CredentialsProvider, answer http.HandlerFunc) *elbv2.Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return elbv2.New(elbv2.Options{Region: "us-west-2", BaseEndpoint: new(server.URL), Retryer: aws.NopRetryer{}, Credentials: provider})
}

// The request id of a real answer stays out of the text.
func TestARealAnswerHasNoRequestIDInItsText(t *testing.T) {
	t.Parallel()
	elb := client(t, credentials.NewStaticCredentialsProvider("id", "secret", ""), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("x-amzn-RequestId", "request-4711")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `<ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><Error><Type>Sender</Type>`+
			`<Code>TargetGroupNotFound</Code><Message>One or more target groups not found</Message></Error><RequestId>request-4711</RequestId></ErrorResponse>`)
	})
	_, err := elb.DescribeTargetGroups(t.Context(), &elbv2.DescribeTargetGroupsInput{})
	err = classify(elbv2Service, "DescribeTargetGroups", err)
	got, _ := errors.AsType[*Error](err)
	want := &Error{Kind: Gone, Service: elbv2Service, Operation: "DescribeTargetGroups", Code: "TargetGroupNotFound", Message: "One or more target groups not found"}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Error{})); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// The SDK has no type for credentials that cannot be had. These are its real texts.
func TestMissingCredentials(t *testing.T) {
	t.Parallel()
	const none = "DescribeRules answered NoCredentials: no AWS credentials could be had (service account role, pod identity, environment)"
	for _, test := range []struct {
		name   string
		reason error
		kind   Kind
		text   string
	}{
		{"there-is-no-role", errors.New("no EC2 IMDS role found, operation error ec2imds: GetMetadata, request canceled, context deadline exceeded"), Denied, none},
		{
			"sts-refuses", &smithy.OperationError{ServiceID: "STS", OperationName: "AssumeRoleWithWebIdentity", Err: answered(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")},
			Denied, none + ": AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity",
		},
		{
			"sts-has-no-time", &smithy.OperationError{ServiceID: "STS", OperationName: "AssumeRoleWithWebIdentity", Err: answered(400, "Throttling", "Rate exceeded")},
			Throttled, none + ": Throttling: Rate exceeded",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			provider := aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, test.reason }))
			elb := client(t, provider, func(http.ResponseWriter, *http.Request) { t.Error("a request without credentials went out") })
			_, err := elb.DescribeRules(t.Context(), &elbv2.DescribeRulesInput{})
			err = classify(elbv2Service, "DescribeRules", err)
			if KindOf(err) != test.kind {
				t.Errorf("got %s, want %s", KindOf(err), test.kind)
			}
			if diff := cmp.Diff(test.text, err.Error()); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}
