package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

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
	after     time.Duration
}

// Error is one sentence: what was called and what came back.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s answered %s: %s", e.Operation, e.Code, e.Message)
	if missingPermission[e.Code] {
		text += fmt.Sprintf(" (allow %s:%s in the IAM policy of Sluice)", e.Service, e.Operation)
	}
	return text
}

// missingPermission are the codes that an IAM policy can help against.
var missingPermission = map[string]bool{"AccessDenied": true, "AccessDeniedException": true, "UnauthorizedOperation": true}

// Unwrap gives the SDK's own error.
func (e *Error) Unwrap() error { return e.err }

// crowded turns a call away before AWS does.
func crowded(service, operation string) error {
	return &Error{Kind: Throttled, Service: service, Operation: operation, Code: "NotAskedYet", Message: "others are waiting for the few calls that AWS allows", after: nextTurn}
}

const (
	afterThrottle = time.Second // the budget makes the next call wait longer where needed
	nextTurn      = 5 * time.Second
)

// RetryAfter is how long to wait after a Throttled error.
func RetryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok && e.after > 0 {
		return e.after
	}
	return afterThrottle
}

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
	"TooManyRegistrationsForTargetId": Conflict, "TooManyCertificates": Conflict,
	"TooManyUniqueTargetGroupsPerLoadBalancer": Conflict, "RulesPerSecurityGroupLimitExceeded": Conflict, "SecurityGroupLimitExceeded": Conflict,

	"AccessDenied": Denied, "AccessDeniedException": Denied, "UnauthorizedOperation": Denied, "AuthFailure": Denied,
	"InvalidClientTokenId": Denied, "SignatureDoesNotMatch": Denied, "ExpiredToken": Denied, "UnrecognizedClientException": Denied, "OptInRequired": Denied,

	"LoadBalancerNotFound": Gone, "ListenerNotFound": Gone, "RuleNotFound": Gone, "TargetGroupNotFound": Gone,
	"InvalidGroup.NotFound": Gone, "InvalidGroupId.NotFound": Gone, "InvalidSecurityGroupID.NotFound": Gone, "InvalidInstanceID.NotFound": Gone,

	"InternalFailure": Transient, "InternalError": Transient, "ServiceUnavailable": Transient, "HealthUnavailable": Transient, "RequestExpired": Transient,
}

// refusals are conflicts that change nothing and leave nothing open: what is known of
// AWS is as true as before.
var refusals = map[string]bool{
	"DependencyViolation": true, "ResourceInUse": true, "OperationNotPermitted": true, "InvalidGroup.InUse": true,
	"TooManyLoadBalancers": true, "TooManyTargetGroups": true, "TooManyListeners": true, "TooManyRules": true, "TooManyTargets": true,
	"TooManyCertificates": true, "ListenerNotFound": true, // a conflict where the listener is new
	"TooManyUniqueTargetGroupsPerLoadBalancer": true, "RulesPerSecurityGroupLimitExceeded": true, "SecurityGroupLimitExceeded": true,
}

// leavesOpen reports whether after this error it is not known what AWS has.
func leavesOpen(err error) bool {
	switch KindOf(err) {
	case Throttled, Denied:
		return false
	case Conflict:
		e, ok := errors.AsType[*Error](err)
		return !ok || !refusals[e.Code]
	case Transient, Gone, Bug:
	}
	return true
}

// classify gives an SDK error its kind.
func classify(service, operation string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e // of the call for credentials that came before this one
	}
	e := &Error{Kind: Transient, Service: service, Operation: operation, Code: "NoAnswer", Message: "no answer from AWS", err: err}
	api, answered := errors.AsType[smithy.APIError](err)
	switch {
	case strings.Contains(err.Error(), noCredentials):
		// The SDK has no type for missing credentials: errors_test.go holds the real text.
		// What STS says about them is not about this operation.
		e.Kind, e.Code, e.Message = Denied, "NoCredentials", "no AWS credentials could be had (service account role, pod identity, environment)"
		if answered {
			e.Message += ": " + api.ErrorCode() + ": " + stable(api.ErrorMessage())
			if kind := kindOf(api.ErrorCode(), err); kind == Throttled || kind == Transient {
				e.Kind = kind
			}
		}
	case answered:
		e.Code, e.Message, e.Kind = api.ErrorCode(), stable(api.ErrorMessage()), kindOf(api.ErrorCode(), err)
	case errors.Is(err, context.DeadlineExceeded):
		e.Message = "no answer from AWS in time"
	}
	return e
}

// noCredentials is what the SDK writes before the reason for which a request could not
// be signed.
const noCredentials = "get credentials: "

// stable is a message of AWS without what differs from try to try: EC2 encodes the
// circumstances of a refusal, and a clock that is wrong is told with both times.
func stable(message string) string {
	message, _, _ = strings.Cut(message, " Encoded authorization failure message:")
	if strings.HasPrefix(message, "Signature expired:") || strings.HasPrefix(message, "Signature not yet current:") {
		message, _, _ = strings.Cut(message, ":")
		message += "; is the clock of this machine right?"
	}
	return strings.TrimSuffix(strings.TrimSpace(message), ".")
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
