// Package awsconformance says what our local AWS is built on, as assertions that can be checked against any endpoint:
// states, reasons, error codes, limits, idempotency and paging of Elastic Load Balancing and of what stands around it.
//
// Each assertion has an id, a sentence, and the document that says so; what no document says is marked unconfirmed. The
// suite makes what it needs under names with its own prefix and with its own tag, and removes all of it in the end, also
// after a failure, a panic, or the end of the context:
//
//	results, err := awsconformance.Run(ctx, awsconformance.Config{AWS: config, VPC: "vpc-…", Subnets: []string{"subnet-…", "subnet-…"}})
//	for _, r := range results { fmt.Println(r.Outcome, r.ID, r.Sentence, r.Source) }
//
// The error says what could not be removed; Leftovers finds it later. The suite has been run against the local AWS only. A
// run against AWS makes three load balancers, and a fourth for a moment.
package awsconformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/shield"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	"github.com/aws/smithy-go"
)

// Config is where the suite runs.
type Config struct {
	AWS      aws.Config // Region, credentials, endpoint, retries
	VPC      string
	Subnets  []string      // at least two, in different zones of the VPC, without IPv6
	Prefix   string        // of all names; at most 12 characters; default "conf"
	Patience time.Duration // how long anything may take; default ten minutes
	Observe  func(Result)  // hears of each result as it comes; may be nil
}

func (c Config) withDefaults() Config {
	c.Prefix = cmp.Or(c.Prefix, "conf")
	c.Patience = cmp.Or(c.Patience, 10*time.Minute)
	return c
}

// Outcome is what became of an assertion.
type Outcome string

// The outcomes.
const (
	Held    Outcome = "held"
	Failed  Outcome = "failed"
	Skipped Outcome = "skipped" // what it needs could not be made, or the run was interrupted
)

// Result is an assertion and what became of it.
type Result struct {
	ID       string  `json:"id"`
	Sentence string  `json:"sentence"`
	Source   string  `json:"source"` // the document; empty if the assertion is unconfirmed
	Outcome  Outcome `json:"outcome"`
	Detail   string  `json:"detail,omitempty"` // of what did not hold
}

// assertion is one thing that is so.
type assertion struct {
	id, sentence, source string
	check                func(ctx context.Context, f *fixture) error
}

// unconfirmed stands where a source would: nothing but experience or a guess says so.
const unconfirmed = ""

// chapters are all assertions, in the order in which they are checked.
var chapters = []func() []assertion{
	notFound, balancers, balancerCalls, groups, groupChecks, listeners, actions, conditions, rules, answers, targets, attributes, tags,
	policies, certificates, secure, networks, around,
}

// Run checks everything, in order. If something cannot be prepared, all assertions are skipped; if the context ends,
// those that are left. The error says what the suite made and could not remove.
func Run(ctx context.Context, config Config) (results []Result, err error) {
	f := newFixture(ctx, config.withDefaults())
	defer func() { err = f.clean(context.WithoutCancel(ctx)) }()
	skip := f.prepare(context.WithoutCancel(ctx))
	for _, chapter := range chapters {
		for _, a := range chapter() {
			if skip == nil {
				skip = ctx.Err()
			}
			r := a.run(ctx, f, skip)
			if config.Observe != nil {
				config.Observe(r)
			}
			results = append(results, r)
		}
	}
	return results, nil
}

func (a assertion) run(ctx context.Context, f *fixture, skip error) (r Result) {
	r = Result{ID: a.id, Sentence: a.sentence, Source: a.source, Outcome: Held}
	if skip != nil {
		r.Outcome, r.Detail = Skipped, skip.Error()
		return r
	}
	defer func() {
		if reason := recover(); reason != nil {
			r.Outcome, r.Detail = Failed, fmt.Sprint("it panicked: ", reason)
		}
	}()
	// Many assertions make something and remove it again: an interrupted run lets the one that is on its way end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.Patience+time.Minute)
	defer cancel()
	if err := a.check(ctx, f); err != nil {
		r.Outcome, r.Detail = Failed, err.Error()
	}
	return r
}

// clients are the services that the suite speaks to.
type clients struct {
	elb     *elbv2.Client
	ec2     *ec2.Client
	acm     *acm.Client
	sts     *sts.Client
	waf     *wafv2.Client
	shield  *shield.Client
	tagging *resourcegroupstaggingapi.Client
}

func newClients(config aws.Config) clients {
	return clients{
		elb: elbv2.NewFromConfig(config), ec2: ec2.NewFromConfig(config), acm: acm.NewFromConfig(config), sts: sts.NewFromConfig(config),
		waf: wafv2.NewFromConfig(config), shield: shield.NewFromConfig(config), tagging: resourcegroupstaggingapi.NewFromConfig(config),
	}
}

// ok is the code of a call that succeeds.
const ok = "ok"

// codeOf is the error code of an answer.
func codeOf(err error) string {
	if err == nil {
		return ok
	}
	if api, is := errors.AsType[smithy.APIError](err); is {
		return api.ErrorCode()
	}
	return err.Error()
}

// call makes an assertion of a call and the code that it answers with.
func call(id, sentence, source, want string, do func(context.Context, *fixture) error) assertion {
	return assertion{id: id, sentence: sentence, source: source, check: func(ctx context.Context, f *fixture) error {
		if err := do(ctx, f); codeOf(err) != want {
			return fmt.Errorf("it answers %s, not %s: %w", codeOf(err), want, err)
		}
		return nil
	}}
}

// is makes an assertion of something that can be read.
func is[V comparable](id, sentence, source string, want V, read func(context.Context, *fixture) (V, error)) assertion {
	return assertion{id: id, sentence: sentence, source: source, check: func(ctx context.Context, f *fixture) error {
		got, err := read(ctx, f)
		switch {
		case err != nil:
			return err
		case got != want:
			return fmt.Errorf("it is %v, not %v", got, want)
		}
		return nil
	}}
}

// becomes is like is, for what takes a while.
func becomes[V comparable](id, sentence, source string, want V, read func(context.Context, *fixture) (V, error)) assertion {
	return assertion{id: id, sentence: sentence, source: source, check: func(ctx context.Context, f *fixture) error {
		return f.wait(ctx, func() error {
			got, err := read(ctx, f)
			if err == nil && got != want {
				err = fmt.Errorf("it is %v, not %v", got, want)
			}
			return err
		})
	}}
}
