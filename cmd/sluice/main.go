// Command sluice is the controller. It reads flags, builds values, starts the manager,
// and does nothing else: every rule of it lives in internal/.
//
//	sluice --cluster-name=prod --aws-vpc-id=vpc-0123456789abcdef0 --aws-region=eu-central-1
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/sluice-lb/sluice/internal/version"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "sluice:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
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
	return start(ctrl.SetupSignalHandler(), options)
}
