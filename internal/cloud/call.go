package cloud

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

// IAM prefixes of the services.
const (
	elbv2Service = "elasticloadbalancing"
	ec2Service   = "ec2"
	acmService   = "acm"
)

// patienceOfOneCall bounds one attempt. AWS documents no bound; its own SDKs wait
// longer, but a call that has not answered by then is better observed and repeated.
const patienceOfOneCall = 15 * time.Second

// elbCall makes one ELBv2 call within budget and deadline, counts it, and gives an
// error its kind.
func elbCall[In, Out any](ctx context.Context, c *Cloud, class Class, operation string,
	method func(context.Context, *In, ...func(*elbv2.Options)) (*Out, error), in *In,
) (*Out, error) {
	if err := c.budget.Acquire(ctx, elbv2Service, operation, class); err != nil {
		return nil, err
	}
	return attempt(ctx, c, elbv2Service, operation, class, func(ctx context.Context) (*Out, error) { return method(ctx, in) })
}

// ec2Call is elbCall for EC2.
func ec2Call[In, Out any](ctx context.Context, c *Cloud, class Class, operation string,
	method func(context.Context, *In, ...func(*ec2.Options)) (*Out, error), in *In,
) (*Out, error) {
	if err := c.budget.Acquire(ctx, ec2Service, operation, class); err != nil {
		return nil, err
	}
	return attempt(ctx, c, ec2Service, operation, class, func(ctx context.Context) (*Out, error) { return method(ctx, in) })
}

// acmCall is elbCall for ACM, which is only ever read.
func acmCall[In, Out any](ctx context.Context, c *Cloud, class Class, operation string,
	method func(context.Context, *In, ...func(*acm.Options)) (*Out, error), in *In,
) (*Out, error) {
	if err := c.budget.Acquire(ctx, acmService, operation, class); err != nil {
		return nil, err
	}
	return attempt(ctx, c, acmService, operation, class, func(ctx context.Context) (*Out, error) { return method(ctx, in) })
}

func attempt[Out any](ctx context.Context, c *Cloud, service, operation string, class Class, call func(context.Context) (*Out, error)) (*Out, error) {
	if c.readOnly && !strings.HasPrefix(operation, "Describe") && !strings.HasPrefix(operation, "List") {
		return nil, &Error{Kind: Bug, Service: service, Operation: operation, Code: "ReadOnly", Message: "this process changes nothing"}
	}
	ctx, cancel := context.WithTimeout(ctx, patienceOfOneCall)
	defer cancel()
	start := time.Now()
	out, err := call(ctx)
	err = classify(service, operation, err)
	count(service, operation, err, time.Since(start))
	switch {
	case err != nil && KindOf(err) == Throttled:
		c.budget.Throttled(service, operation, class)
	case err == nil:
		c.budget.Passed(service, operation, class)
	}
	return out, err
}
