package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/sluice-lb/sluice/internal/localaws"
)

func newAWS() *cobra.Command {
	command := &cobra.Command{
		Use:   "aws",
		Short: "What the lab's AWS knows beyond its API: calls and addresses",
		Long:  `What the lab's AWS knows beyond its API. For the API itself source DIR/aws.env and use the aws command line.`,
	}
	command.AddCommand(newCalls(), newAddress(), newFault())
	return command
}

func newCalls() *cobra.Command {
	var dir, format string
	var reset bool
	command := &cobra.Command{
		Use:   "calls",
		Short: "Count the API calls since the start or the last --reset, by operation and result",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			admin, err := adminOf(dir)
			if err != nil {
				return err
			}
			calls, err := admin.Calls(command.Context(), reset)
			if err != nil {
				return fmt.Errorf("asking the lab's AWS in %s for its calls: %w", dir, err)
			}
			return printCalls(command.OutOrStdout(), format, calls)
		},
	}
	addDir(command, &dir)
	command.Flags().BoolVar(&reset, "reset", false, "start counting anew after this")
	command.Flags().StringVarP(&format, "output", "o", "text", "text or json")
	return command
}

func newAddress() *cobra.Command {
	var dir string
	command := &cobra.Command{
		Use:     "address DNSNAME:PORT",
		Short:   "Print where a listener really is, as IP:PORT",
		Example: "  sluice-lab aws address k8s-shop-web-0123456789.us-west-2.elb.amazonaws.com:80",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			addresses, err := addressesOf(command.Context(), dir)
			if err != nil {
				return err
			}
			address, err := findAddress(addresses, args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), address)
			return err
		},
	}
	addDir(command, &dir)
	return command
}

func checkFormat(format string) error {
	if format != "text" && format != "json" {
		return fmt.Errorf("--output %s: want text or json", format)
	}
	return nil
}

func printCalls(out io.Writer, format string, calls []localaws.Call) error {
	if format == "json" {
		return json.NewEncoder(out).Encode(append([]localaws.Call{}, calls...)) // [] for none
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SERVICE\tOPERATION\tRESULT\tCOUNT")
	for _, c := range calls {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\n", c.Service, c.Operation, resultOf(c), c.Count)
	}
	return table.Flush()
}
