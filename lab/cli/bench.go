package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluice-lb/sluice/lab/bench"
)

func newBench() *cobra.Command {
	command := &cobra.Command{
		Use:   "bench",
		Short: "Measure what the controller costs: calls of AWS's API, and seconds",
		Long: `Count what the controller costs, each time in a lab of the bench's own.

bring-up, restart and change have one Service with two Pods in a namespace without labels, and
many Ingresses. AWS does not throttle, and the controller is told so with
--aws-budget-share=100, unless flags say otherwise.

memory has five thousand Pods on twelve nodes, a fifth of them behind two load balancers.

gate-lag, unclaimed, handover, relief and rollout have Pods with readiness gates, whose targets are checked first after 20
to 35 seconds. AWS throttles as documented.

admission creates Pods that no node runs: without Sluice, and in namespaces with no claim, with
20, with 32, which is the longest list of gates there is, and with 1,000, for which the controller
makes no list, so that Pods get the anticipating gate alone. What it tells of these is what is added.

traffic and soak have Pods with readiness gates and draining behind two load balancers.

AWS takes 50 ms for an answer. Progress goes to stderr, the result to stdout. A bench ends
within 25 minutes; traffic takes five minutes a round, and soak as long as it is told.`,
	}
	command.AddCommand(
		newOneBench("bring-up", "From the first Ingress to the last hostname and the last target", bench.BringUp),
		newOneBench("restart", "From a new controller's lease to its last call, when nothing has changed", bench.Restart),
		newChangeBench(),
		newGateBench("gate-lag", "From a target's being healthy in AWS to its Pod's open gate, as Pods come in four ways", bench.GateLag),
		newTrafficBench(),
		newSoakBench(),
		newMemoryBench(),
		newCommand("admission", "What gates add to the creation of a Pod", &bench.Config{Progress: os.Stderr}, map[string]string{"nodes": "1"}, bench.Admission),
		newGateBench("unclaimed", "From ready containers to a Ready Pod, where gates are injected and nobody claims the Pods", bench.Unclaimed),
		newGateBench("handover", "From the end of a leader to the next gate that opens, killed and asked to end", bench.Handover),
		newReliefBench(),
		newGateBench("rollout", "A rolling update of thirty Pods, one at a time, beside what its targets' health alone takes", bench.Rollout),
	)
	return command
}

func newOneBench(name, short string, run func(context.Context, bench.Config) (*bench.Report, error)) *cobra.Command {
	config := &bench.Config{Progress: os.Stderr}
	command := newCommand(name, short, config, map[string]string{"throttling": "off", "latency": "50ms"}, run)
	command.Flags().IntVar(&config.Ingresses, "ingresses", 100, "how many there are")
	check := command.RunE
	command.RunE = func(command *cobra.Command, args []string) error {
		if config.Ingresses < 1 {
			return fmt.Errorf("--ingresses %d: want 1 or more", config.Ingresses)
		}
		return check(command, args)
	}
	return command
}

// newGateBench is a bench of Pods behind targets that become healthy after twenty to thirty-five seconds.
func newGateBench[R report](name, short string, run func(context.Context, bench.Config) (R, error)) *cobra.Command {
	// There is nobody else in the lab's account, so the controller may have all of it.
	return newCommand(name, short, &bench.Config{Progress: os.Stderr}, map[string]string{
		"controller-flag": "--aws-budget-share=1",
		"throttling":      "documented", "latency": "50ms", "first-check-least": "20s", "first-check-most": "35s", "nodes": "9",
	}, run)
}

func newReliefBench() *cobra.Command {
	var outage time.Duration
	command := newGateBench("relief", "What follows an outage in which AWS throttles every call, with two hundred Pods waiting", func(ctx context.Context, config bench.Config) (*bench.ReliefReport, error) {
		return bench.Relief(ctx, config, outage)
	})
	command.Flags().DurationVar(&outage, "outage", 5*time.Minute, "how long it lasts")
	return command
}

// report is what a bench measured.
type report interface {
	WriteText(out io.Writer) error
	WriteJSON(out io.Writer) error
}

// newCommand is a bench with these defaults of `up`'s flags.
func newCommand[R report](name, short string, config *bench.Config, defaults map[string]string, run func(context.Context, bench.Config) (R, error)) *cobra.Command {
	var format string
	command := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs}
	flags := command.Flags()
	flags.StringVar(&config.Dir, "dir", "", "directory of the bench's lab (default: a temporary one)")
	flags.StringVarP(&format, "output", "o", "text", "text or json")
	labFlags := upFlags()
	for name, value := range defaults {
		preset(labFlags, name, value)
	}
	flags.AddFlagSet(labFlags)
	command.RunE = func(command *cobra.Command, _ []string) error {
		if err := checkFormat(format); err != nil {
			return err
		}
		config.LabFlags = given(labFlags)
		config.Unlimited = labFlags.Lookup("throttling").Value.String() == "off"
		return runBench(command, *config, format, run)
	}
	return command
}

func newChangeBench() *cobra.Command {
	command := newOneBench("change", "What changing one of many Ingresses in groups of twenty costs", bench.Change)
	preset(command.Flags(), "ingresses", "1000")
	return command
}

// preset gives a flag another default.
func preset(flags *pflag.FlagSet, name, value string) {
	if err := flags.Set(name, value); err != nil {
		panic("a default of a bench is a value that the flag takes: " + err.Error())
	}
	flags.Lookup(name).DefValue = value
}

func runBench[R report](command *cobra.Command, config bench.Config, format string, run func(context.Context, bench.Config) (R, error)) (err error) {
	if config.Dir == "" {
		if config.Dir, err = os.MkdirTemp("", "sluice-bench-"); err != nil {
			return err
		}
		defer func() { err = tidy(config.Dir, err) }()
	}
	measured, err := run(command.Context(), config)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return errInterrupted
		}
		return err
	}
	write := measured.WriteText
	if format == "json" {
		write = measured.WriteJSON
	}
	return write(command.OutOrStdout())
}

func newTrafficBench() *cobra.Command {
	config := bench.TrafficConfig{}
	common := &bench.Config{Progress: os.Stderr}
	command := newCommand("traffic", "What each kind of traffic loses while the cluster changes under it", common,
		map[string]string{"controller-flag": "--aws-budget-share=1", "throttling": "documented", "latency": "50ms"},
		func(ctx context.Context, common bench.Config) (*bench.TrafficReport, error) {
			config.Config = common
			return bench.Traffic(ctx, config)
		})
	command.Long = `Send HTTP over kept connections, HTTP/2, gRPC streams, WebSockets and requests of twenty seconds
through load balancers while the cluster changes, and count by kind and by event what failed:
an error status, a connection that was refused, reset or closed, a stream that was cut, no
answer in time. The Pods cut what they have on SIGTERM; those of slow requests ask for 40 s of
draining, all others for "auto", which is 20 s.

Events:
` + bench.EventsText()
	flags := command.Flags()
	flags.IntVar(&config.Rounds, "rounds", 1, "how often everything happens; about five minutes each")
	flags.Float64Var(&config.Rate, "rate", 300, "exchanges a second, of all kinds together")
	flags.IntVar(&config.Replicas, "replicas", 4, "Pods of each of the three Deployments")
	flags.StringSliceVar(&config.Events, "events", nil, "what happens in each round, in this order (default: all that may lose nothing)")
	check := command.RunE
	command.RunE = func(command *cobra.Command, args []string) error {
		switch {
		case config.Rounds < 1:
			return fmt.Errorf("--rounds %d: want 1 or more", config.Rounds)
		case config.Rate < 1:
			return fmt.Errorf("--rate %g: want 1 a second or more", config.Rate)
		case config.Replicas < 2:
			return fmt.Errorf("--replicas %d: want 2 or more, or there is nothing to scale in", config.Replicas)
		}
		return check(command, args)
	}
	return command
}

func newMemoryBench() *cobra.Command {
	config := bench.MemoryConfig{}
	command := newCommand("memory", "What the controller holds of a large cluster in which nothing happens", &bench.Config{Progress: os.Stderr},
		map[string]string{"throttling": "off", "nodes": "12"},
		func(ctx context.Context, common bench.Config) (*bench.MemoryReport, error) {
			config.Config = common
			return bench.Memory(ctx, config)
		})
	flags := command.Flags()
	flags.IntVar(&config.Pods, "pods", 5000, "how many there are, spread evenly over the Services")
	flags.IntVar(&config.Services, "services", 500, "how many there are")
	flags.IntVar(&config.Bindings, "bindings", 100, "how many Services an Ingress leads to, with a TargetGroupBinding each")
	check := command.RunE
	command.RunE = func(command *cobra.Command, args []string) error {
		switch {
		case config.Services < 1:
			return fmt.Errorf("--services %d: want 1 or more", config.Services)
		case config.Pods < config.Services:
			return fmt.Errorf("--pods %d: want one or more for each of the %d Services", config.Pods, config.Services)
		case config.Bindings < 0 || config.Bindings > config.Services:
			return fmt.Errorf("--bindings %d: want between 0 and the %d Services", config.Bindings, config.Services)
		}
		return check(command, args)
	}
	return command
}

func newSoakBench() *cobra.Command {
	config := bench.SoakConfig{}
	command := newCommand("soak", "Whether anything is lost, left over or grows while the cluster changes, AWS fails and the controller ends, for long", &bench.Config{Progress: os.Stderr},
		map[string]string{"controller-flag": "--aws-budget-share=1", "throttling": "documented", "latency": "50ms"},
		func(ctx context.Context, common bench.Config) (*bench.SoakReport, error) {
			config.Config = common
			return bench.Soak(ctx, config)
		})
	flags := command.Flags()
	flags.DurationVar(&config.For, "for", 30*time.Minute, "how long; in the first half the controller ends in the middle of every change")
	flags.Float64Var(&config.Rate, "rate", 100, "exchanges a second, of all kinds together")
	flags.IntVar(&config.Replicas, "replicas", 4, "Pods of each of the three Deployments")
	check := command.RunE
	command.RunE = func(command *cobra.Command, args []string) error {
		switch {
		case config.For < time.Minute:
			return fmt.Errorf("--for %s: want a minute or more", config.For)
		case config.Rate < 1:
			return fmt.Errorf("--rate %g: want 1 a second or more", config.Rate)
		case config.Replicas < 2:
			return fmt.Errorf("--replicas %d: want 2 or more, or there is nothing to scale in", config.Replicas)
		}
		return check(command, args)
	}
	return command
}
