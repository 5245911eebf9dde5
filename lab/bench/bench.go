// Package bench measures what the controller costs: calls of AWS's API, and seconds.
//
// In go settings; out comes a Report. Each bench starts a lab of its own and makes the same scene
// in it: one Service with two Pods that are Ready, in a namespace without labels, and many
// Ingresses in front of it.
//
//   - BringUp counts from the first Ingress until the last one has a hostname in its status and
//     both targets are registered everywhere.
//   - Restart ends the controller gently when all that is done, and counts from the moment when
//     its successor acquires the lease until that has nothing more to say to AWS.
//   - Traffic sends every kind of traffic while the cluster changes under it, and counts what fails.
//   - Change puts twenty Ingresses on each load balancer, and counts what it costs to change one
//     of them: calls, seconds, CPU time and memory of the controller.
//   - Soak does the same for long, while AWS fails and the controller ends, and looks at what grows and what is left.
//   - Admission counts the milliseconds that gates add to the creation of a Pod.
//   - Memory looks at what the controller holds of a large cluster in which nothing happens.
//
// The lab's journal counts calls, so that the bench itself makes none while it counts.
package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/lab/spawn"
)

// within is how long a bench takes at most; what it has not reached by then is told.
const within = 25 * time.Minute

// Config is how to run a bench.
type Config struct {
	Dir       string // of the lab
	Ingresses int
	LabFlags  []string // of `sluice-lab up`
	Unlimited bool     // AWS throttles nobody, and the controller is told that its limits were raised
	Progress  io.Writer

	groupSize int           // how many share a load balancer; 0: each has its own
	within    time.Duration // how long it may take; 0: within
}

// bench is one run.
type bench struct {
	config   Config
	lab      *spawn.Lab
	rest     *rest.Config
	client   kubernetes.Interface
	admin    localaws.Admin
	endpoint string
	began    time.Time
}

// BringUp measures how Ingresses come up.
func BringUp(ctx context.Context, config Config) (*Report, error) {
	return run(ctx, config, (*bench).bringUp)
}

// Restart measures what a new controller does when nothing has changed.
func Restart(ctx context.Context, config Config) (*Report, error) {
	return run(ctx, config, func(b *bench, ctx context.Context) (*Report, error) {
		up, err := b.bringUp(ctx)
		if err != nil {
			return nil, err
		}
		b.say("bringing them up took %d calls and %.1f s", up.Calls, up.Seconds)
		return b.restart(ctx)
	})
}

func run[R any](ctx context.Context, config Config, measure func(*bench, context.Context) (R, error)) (report R, err error) {
	most := cmp.Or(config.within, within)
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("it is not done after %s", most))
	defer cancel()
	b := &bench{config: config, began: time.Now()}
	b.say("starting a lab in %s", config.Dir)
	if b.lab, err = spawn.Start(ctx, spawn.Config{Dir: config.Dir, Flags: config.upFlags(), Progress: io.Discard}); err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, b.lab.Stop()) }()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		select {
		case <-b.lab.Done():
			stop(fmt.Errorf("the lab ended in the middle; see %s", b.lab.Dir.Logs()))
		case <-ctx.Done():
		}
	}()
	if err := b.connect(); err != nil {
		return report, err
	}
	return measure(b, ctx)
}

func (c Config) upFlags() []string {
	// AWS gives an account fifty load balancers without asking.
	flags := []string{fmt.Sprintf("--quota=elbv2/load-balancers=%d", max(50, c.Ingresses))}
	if c.Unlimited {
		flags = append(flags, "--controller-flag=--aws-budget-share=100")
	}
	return append(flags, c.LabFlags...)
}

func (b *bench) connect() error {
	var err error
	if b.rest, err = clientcmd.BuildConfigFromFlags("", b.lab.Dir.Kubeconfig()); err != nil {
		return err
	}
	b.rest.QPS = -1
	if b.client, err = kubernetes.NewForConfig(b.rest); err != nil {
		return err
	}
	b.endpoint, err = b.lab.Dir.AWSEndpoint()
	b.admin = localaws.Admin{URL: b.endpoint}
	return err
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.config.Progress, "%6.1fs  %s\n", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// await asks ten times a second until nothing is missing, and says now and then what is.
func (b *bench) await(ctx context.Context, ask func(context.Context) (missing string, err error)) error {
	told := time.Now()
	for {
		missing, err := ask(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %s", context.Cause(ctx), missing)
		}
		if err != nil || missing == "" {
			return err
		}
		if time.Since(told) > 10*time.Second {
			told = time.Now()
			b.say("%s", missing)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %s", context.Cause(ctx), missing)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
