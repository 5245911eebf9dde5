// Command sluice is the controller. It reads flags, builds values, starts the manager,
// and does nothing else: every rule of it lives in internal/.
//
//	sluice --cluster-name=prod --aws-vpc-id=vpc-0123456789abcdef0 --aws-region=eu-central-1
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/sluice-lb/sluice/internal/healthz"
	"github.com/sluice-lb/sluice/internal/version"
)

func main() {
	if err := run(ctrl.SetupSignalHandler(), os.Args[1:]); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "sluice:", err)
		os.Exit(1)
	}
}

// command is something that sluice does beside being the controller: sluice NAME [flags].
type command struct {
	summary string // a line of the help
	run     func(ctx context.Context, arguments []string) error
}

// commands by name.
var commands = map[string]command{
	"healthz": {"join the health of a Pod's containers into one endpoint for the load balancer", func(ctx context.Context, arguments []string) error {
		return healthz.Command(ctx, arguments, os.Stderr)
	}},
	"retire":  {"end injection everywhere and open all gates; run it before Sluice is uninstalled", runRetire},
	"webhook": {"give new Pods gates and drain, where the API server has no policies for it", runWebhook},
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) > 0 {
		if command, ok := commands[arguments[0]]; ok {
			return command.run(ctx, arguments[1:])
		}
	}
	options, err := parse(arguments)
	if err != nil {
		return err
	}
	if options.version {
		fmt.Println("sluice", version.String())
		return nil
	}
	if err := options.validate(); err != nil {
		return fmt.Errorf("flags:\n%w", err)
	}
	return start(ctx, options)
}
