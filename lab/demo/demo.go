// Package demo shows, and measures, what the product promises: a rolling update behind a load
// balancer that loses no request.
//
// In go settings; out come a Report and live progress. The demo
//
//  1. starts a lab of its own,
//  2. applies three equal Deployments of ten Pods behind three Ingresses — one with gates and
//     draining, one with draining only, one bare — or the user's own manifest,
//  3. waits until they serve, and sends 200 requests a second to each,
//  4. restarts all of them at once and goes on until the last old Pod is gone,
//  5. counts what was lost, and how each new Pod came to be ready.
//
// It looks at the cluster and at AWS from outside only, through their APIs.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/lab/manifest"
	"github.com/sluice-lb/sluice/lab/spawn"
)

const (
	serveWithin  = 5 * time.Minute
	rollWithin   = 10 * time.Minute
	calm         = 5 * time.Second // before the restart and after the last old Pod
	fewest       = 3000            // requests on the side that decides
	enoughWithin = time.Minute
)

// Config is how to run the demo.
type Config struct {
	Dir      string   // of the lab
	Manifest string   // the user's own file, or empty for the three sides
	LabFlags []string // of `sluice-lab up`
	Progress io.Writer
}

// demo is one run.
type demo struct {
	config   Config
	progress *progress
	lab      *spawn.Lab
	rest     *rest.Config
	client   kubernetes.Interface
	admin    localaws.Admin
	endpoint string
}

// running is a side under load.
type running struct {
	side  side
	load  *load
	old   map[types.UID]bool // its Pods before the restart
	times *timelines         // nil where Pods are not watched
}

// Run returns a report when the demo came to its end, whether or not the promise was kept.
func Run(ctx context.Context, config Config) (report *Report, err error) {
	sides, err := sidesOf(config.Manifest)
	if err != nil {
		return nil, err
	}
	d := &demo{config: config, progress: newProgress(config.Progress)}
	if err := d.start(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.lab.Stop()) }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-d.lab.Done():
			cancel(fmt.Errorf("the lab ended in the middle; see %s", d.lab.Dir.Logs()))
		case <-ctx.Done():
		}
	}()
	report, err = d.run(ctx, sides)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return report, err
}

func sidesOf(file string) ([]side, error) {
	if file != "" {
		return userSide(file)
	}
	return ourSides()
}

// start starts the lab and says how to interfere with it.
func (d *demo) start(ctx context.Context) error {
	d.progress.say("starting a lab in %s", d.config.Dir)
	var err error
	d.lab, err = spawn.Start(ctx, spawn.Config{Dir: d.config.Dir, Flags: d.config.LabFlags, Progress: labLines{d.progress}})
	if err != nil {
		return err
	}
	if err := d.connect(); err != nil {
		return errors.Join(err, d.lab.Stop())
	}
	if pid, err := os.ReadFile(d.lab.Dir.ControllerPID()); err == nil {
		d.progress.say("the controller is process %s; kill it whenever you like, the lab starts it again:  kill -9 $(cat %s)", strings.TrimSpace(string(pid)), d.lab.Dir.ControllerPID())
	}
	return nil
}

func (d *demo) connect() error {
	var err error
	if d.rest, err = clientcmd.BuildConfigFromFlags("", d.lab.Dir.Kubeconfig()); err != nil {
		return err
	}
	d.rest.QPS = -1
	if d.client, err = kubernetes.NewForConfig(d.rest); err != nil {
		return err
	}
	d.endpoint, err = d.lab.Dir.AWSEndpoint()
	d.admin = localaws.Admin{URL: d.endpoint}
	return err
}

func (d *demo) run(ctx context.Context, sides []side) (*Report, error) {
	applier, err := manifest.NewApplier(d.rest)
	if err != nil {
		return nil, err
	}
	for _, s := range sides {
		if err := applier.Apply(ctx, s.objects); err != nil {
			return nil, err
		}
	}
	d.progress.say("waiting until %s through the load balancers", plural(len(sides), "Ingress serves", "Ingresses serve"))
	// Under watch and load end together, whatever happens.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all []*running
	for _, s := range sides {
		one, err := d.prepare(ctx, s)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return d.measure(ctx, all)
}

// prepare waits until a side serves, and has its Pods watched if they are to be.
func (d *demo) prepare(ctx context.Context, s side) (*running, error) {
	found, err := awaitServing(ctx, d.client, d.admin, s)
	if err != nil {
		return nil, err
	}
	pods, err := podsOf(ctx, d.client, s)
	if err != nil {
		return nil, err
	}
	one := &running{side: s, load: newLoad(found.target, time.Now()), old: map[types.UID]bool{}}
	for _, pod := range pods {
		one.old[pod.UID] = true
	}
	if !s.watched {
		return one, nil
	}
	one.times = newTimelines(pods)
	go newObserver(d.endpoint, found.dnsName).observe(ctx, one.times)
	return one, watchPods(ctx, d.client, s, func(pod *corev1.Pod) { one.times.see(time.Now(), pod) })
}

// measure is the part that counts: calm, restart, rollout, calm.
func (d *demo) measure(ctx context.Context, all []*running) (*Report, error) {
	loading, endLoad := context.WithCancel(ctx)
	defer endLoad()
	var loads sync.WaitGroup
	for _, one := range all {
		one.load.tally = newTally(time.Now())
		loads.Go(func() { one.load.run(loading) })
	}
	loads.Go(func() { d.progress.follow(all, loading.Done()) })
	d.progress.say("sending %d requests a second to each; all are restarted in %s", perSecond, calm)
	err := d.roll(ctx, all)
	endLoad()
	loads.Wait()
	if err != nil {
		return nil, err
	}
	return reportOf(all), nil
}

func (d *demo) roll(ctx context.Context, all []*running) error {
	if err := pause(ctx, calm); err != nil {
		return err
	}
	d.progress.say("restarting: new Pods beside all old ones, then the old ones go")
	for _, one := range all {
		if err := restart(ctx, d.client, one.side.deployment, time.Now()); err != nil {
			return err
		}
	}
	for _, one := range all {
		err := await(ctx, rollWithin, func(ctx context.Context) (string, error) {
			return rolledOut(ctx, d.client, one.side, one.old)
		})
		if err != nil {
			return fmt.Errorf("waiting for the rollout of side %s: %w", one.side.name, err)
		}
	}
	d.progress.say("all rollouts are complete and the old Pods are gone")
	if err := pause(ctx, calm); err != nil {
		return err
	}
	return await(ctx, enoughWithin, func(context.Context) (string, error) {
		if sent := all[0].load.tally.loss(time.Now()).Requests; sent < fewest {
			return fmt.Sprintf("%d of %d requests were answered", sent, fewest), nil
		}
		return "", nil
	})
}

func reportOf(all []*running) *Report {
	report := &Report{}
	for _, one := range all {
		report.set(one.side.name, one.load.tally.loss(time.Now()))
		if one.times != nil {
			report.Pods, report.Problems = one.times.report()
		}
	}
	report.judge()
	return report
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "the " + one
	}
	return fmt.Sprintf("the %d %s", n, many)
}
