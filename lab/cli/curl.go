package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/lab"
)

func newCurl() *cobra.Command {
	return &cobra.Command{
		Use:   "curl [--dir DIR] [curl's own arguments]",
		Short: "curl that finds the lab's load balancers by their names",
		Long: `curl, told where each listener of each load balancer is, since their names are in no DNS.

Everything but --dir DIR (default .lab) goes to curl as it stands:
  sluice-lab curl http://k8s-shop-web-0123456789.us-west-2.elb.amazonaws.com/
  sluice-lab curl -sS -H 'Host: shop.example.com' --dir /tmp/lab http://…`,
		DisableFlagParsing: true,
		RunE: func(command *cobra.Command, args []string) error {
			if asksForHelp(args) {
				return command.Help()
			}
			path, rest, err := takeDir(args)
			if err != nil {
				return err
			}
			return curl(command, path, rest)
		},
	}
}

func curl(command *cobra.Command, path string, args []string) error {
	program, err := exec.LookPath("curl")
	if err != nil {
		return errors.New("curl is not installed on this machine; install it, or ask `sluice-lab aws address` where to connect with another client")
	}
	addresses, err := addressesOf(command.Context(), path)
	if err != nil {
		return err
	}
	child := exec.CommandContext(command.Context(), program, append(connectTo(addresses), args...)...)
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	return child.Run()
}

// connectTo are curl's own options for it; curl compares names without regard to case. A proxy
// that may be in the environment does not reach loopback.
func connectTo(addresses []localaws.Address) []string {
	options := []string{"--noproxy", "*"}
	for _, a := range addresses {
		options = append(options, "--connect-to", fmt.Sprintf("%s:%d:%s", a.DNSName, a.Port, a.Address))
	}
	return options
}

func addressesOf(ctx context.Context, path string) ([]localaws.Address, error) {
	admin, err := adminOf(path)
	if err != nil {
		return nil, err
	}
	addresses, err := admin.Addresses(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking the lab's AWS in %s for its load balancers: %w", path, err)
	}
	return addresses, nil
}

func adminOf(path string) (localaws.Admin, error) {
	dir, err := lab.Find(path)
	if err != nil {
		return localaws.Admin{}, err
	}
	url, err := dir.AWSEndpoint()
	return localaws.Admin{URL: url}, err
}

// findAddress returns where DNSNAME:PORT is; names are compared without regard to case.
func findAddress(addresses []localaws.Address, wanted string) (string, error) {
	var known []string
	for _, a := range addresses {
		name := fmt.Sprintf("%s:%d", a.DNSName, a.Port)
		if strings.EqualFold(name, wanted) {
			return a.Address, nil
		}
		known = append(known, name)
	}
	if len(known) == 0 {
		return "", fmt.Errorf("no load balancer listens at %s, or at anything else yet; a new one takes ten seconds and more until it is provisioned", wanted)
	}
	return "", fmt.Errorf("no load balancer listens at %s (a new one takes ten seconds and more until it is provisioned); there are:\n  %s", wanted, strings.Join(known, "\n  "))
}
