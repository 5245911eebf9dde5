package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	smithy "github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Kind says what an error of AWS means for whoever called.
type Kind string

// The kinds; each has one way to be retried, decided in internal/controller.
const (
	// Throttled: the account's rate is exceeded. The budget has shrunk already.
	Throttled Kind = "throttled"
	// Transient: it may or may not have happened. Observe, then try again.
	Transient Kind = "transient"
	// Conflict: something else is in the way for now. Observe and plan anew.
	Conflict Kind = "conflict"
	// Denied: credentials or permissions do not suffice.
	Denied Kind = "denied"
	// Gone: what the call is about does not exist.
	Gone Kind = "gone"
	// Bug: AWS rejects what was built. Trying again changes nothing.
	Bug Kind = "bug"
)

// Error is an answer of AWS that is not success. Its text holds nothing that differs
// from try to try (no request id), so that it may go into a status or an event.
type Error struct {
	Kind      Kind
	Service   string // IAM prefix: "elasticloadbalancing", "ec2"
	Operation string
	Code      string
	Message   string
	err       error
}

// Error is one sentence: what was called and what came back.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s answered %s: %s", e.Operation, e.Code, e.Message)
	if e.Kind == Denied {
		text += fmt.Sprintf(" (allow %s:%s in the IAM policy of Sluice)", e.Service, e.Operation)
	}
	return text
}

// Unwrap gives the SDK's own error.
func (e *Error) Unwrap() error { return e.err }

// KindOf is the kind of an error; errors that are not of AWS are bugs, a canceled or
// expired context is transient.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return Transient
	}
	return Bug
}

// kinds by error code (Elastic Load Balancing and EC2 API references, "Errors"). A code that
// is not here is judged by its HTTP status.
var kinds = map[string]Kind{
	"Throttling": Throttled, "ThrottlingException": Throttled, "RequestLimitExceeded": Throttled, "TooManyRequestsException": Throttled,
	"SlowDown": Throttled, "PriorRequestNotComplete": Throttled,

	"ResourceInUse": Conflict, "DependencyViolation": Conflict, "PriorityInUse": Conflict, "DuplicateListener": Conflict,
	"DuplicateLoadBalancerName": Conflict, "DuplicateTargetGroupName": Conflict, "InvalidGroup.Duplicate": Conflict, "InvalidGroup.InUse": Conflict,
	"TargetGroupAssociationLimit": Conflict, "InvalidPermission.Duplicate": Conflict, "InvalidPermission.NotFound": Conflict,
	"OperationNotPermitted": Conflict,
	"TooManyLoadBalancers":  Conflict, "TooManyTargetGroups": Conflict, "TooManyListeners": Conflict, "TooManyRules": Conflict, "TooManyTargets": Conflict,
	"TooManyUniqueTargetGroupsPerLoadBalancer": Conflict, "RulesPerSecurityGroupLimitExceeded": Conflict, "SecurityGroupLimitExceeded": Conflict,

	"AccessDenied": Denied, "AccessDeniedException": Denied, "UnauthorizedOperation": Denied, "AuthFailure": Denied,
	"InvalidClientTokenId": Denied, "SignatureDoesNotMatch": Denied, "ExpiredToken": Denied, "UnrecognizedClientException": Denied, "OptInRequired": Denied,

	"LoadBalancerNotFound": Gone, "ListenerNotFound": Gone, "RuleNotFound": Gone, "TargetGroupNotFound": Gone,
	"InvalidGroup.NotFound": Gone, "InvalidGroupId.NotFound": Gone, "InvalidSecurityGroupID.NotFound": Gone, "InvalidInstanceID.NotFound": Gone,

	"InternalFailure": Transient, "InternalError": Transient, "ServiceUnavailable": Transient, "HealthUnavailable": Transient, "RequestExpired": Transient,
}

// classify gives an SDK error its kind.
func classify(service, operation string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Kind: Transient, Service: service, Operation: operation, Code: "NoAnswer", Message: "no answer from AWS", err: err}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		e.Code, e.Message = api.ErrorCode(), strings.TrimSuffix(strings.TrimSpace(api.ErrorMessage()), ".")
		e.Kind = kindOf(e.Code, err)
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) {
		e.Message = "no answer from AWS in time"
		return e
	}
	if strings.Contains(err.Error(), "failed to refresh cached credentials") || strings.Contains(err.Error(), "get credentials") {
		// The SDK has no type for missing credentials: errors_test.go holds the real text.
		e.Kind, e.Code, e.Message = Denied, "NoCredentials", "no AWS credentials could be had (service account role, pod identity, environment)"
	}
	return e
}

func kindOf(code string, err error) Kind {
	if kind, ok := kinds[code]; ok {
		return kind
	}
	if response, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		switch status := response.HTTPStatusCode(); {
		case status == http.StatusTooManyRequests:
			return Throttled
		case status >= http.StatusInternalServerError:
			return Transient
		case status == http.StatusForbidden || status == http.StatusUnauthorized:
			return Denied
		}
	}
	return Bug
}
