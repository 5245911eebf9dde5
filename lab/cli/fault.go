package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/localaws/fault"
)

func newFault() *cobra.Command {
	command := &cobra.Command{
		Use:   "fault",
		Short: "Let calls to the lab's AWS go wrong",
		Long: `Let calls to the lab's AWS go wrong: with an error, without an answer, late, or with the state
of a while ago. Rules are tried in the order in which they were added; delays add up, and of the
rest the first that a call meets counts. "aws calls" marks the calls that met one.`,
	}
	command.AddCommand(newFaultAdd(), newFaultList(), newFaultClear())
	return command
}

func newFaultAdd() *cobra.Command {
	var dir string
	var rule fault.Rule
	command := &cobra.Command{
		Use:   "add",
		Short: "Add a rule",
		Example: `  sluice-lab aws fault add --service elbv2 --operation 'Describe*' --code ThrottlingException --probability 0.5
  sluice-lab aws fault add --operation CreateLoadBalancer --lose-answer --count 1
  sluice-lab aws fault add --service elbv2 --operation DescribeTargetHealth --stale 5s --for 30s`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			admin, err := adminOf(dir)
			if err != nil {
				return err
			}
			added, err := admin.AddFault(command.Context(), rule)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), added.ID)
			return err
		},
	}
	addDir(command, &dir)
	flags := command.Flags()
	flags.StringVar(&rule.Service, "service", "", "service, as in \"aws calls\"; wildcards may be used; default every service")
	flags.StringVar(&rule.Operation, "operation", "", "operation; wildcards may be used; default every operation")
	flags.StringVar(&rule.Code, "code", "", "answer with this error code, and the HTTP status that AWS documents for it")
	flags.IntVar(&rule.Status, "status", 0, "answer with this HTTP status and nothing else")
	flags.BoolVar(&rule.LoseAnswer, "lose-answer", false, "let the call take effect, then break the connection")
	flags.DurationVar(&rule.Delay, "delay", 0, "let the call take effect so much later")
	flags.DurationVar(&rule.Stale, "stale", 0, "answer elbv2's Describe calls with the state of so long ago, but none older than the rule")
	flags.IntVar(&rule.Skip, "skip", 0, "let so many calls pass first")
	flags.Float64Var(&rule.Probability, "probability", 1, "of a call to meet the rule, above 0 and up to 1")
	flags.DurationVar(&rule.For, "for", 0, "end the rule after so long; default never")
	flags.IntVar(&rule.Count, "count", 0, "end the rule after so many calls; default never")
	command.MarkFlagsMutuallyExclusive("code", "status", "lose-answer", "delay", "stale")
	command.MarkFlagsOneRequired("code", "status", "lose-answer", "delay", "stale")
	return command
}

func newFaultList() *cobra.Command {
	var dir, format string
	command := &cobra.Command{
		Use:   "list",
		Short: "List the rules in force, and how many calls met them",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			admin, err := adminOf(dir)
			if err != nil {
				return err
			}
			rules, err := admin.Faults(command.Context())
			if err != nil {
				return err
			}
			return printFaults(command.OutOrStdout(), format, rules)
		},
	}
	addDir(command, &dir)
	command.Flags().StringVarP(&format, "output", "o", "text", "text or json")
	return command
}

func newFaultClear() *cobra.Command {
	var dir string
	command := &cobra.Command{
		Use:   "clear",
		Short: "End all rules",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			admin, err := adminOf(dir)
			if err != nil {
				return err
			}
			ended, err := admin.ClearFaults(command.Context())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(command.OutOrStdout(), "%d faults ended\n", len(ended))
			return err
		},
	}
	addDir(command, &dir)
	return command
}

func printFaults(out io.Writer, format string, rules []fault.Rule) error {
	if format == "json" {
		return json.NewEncoder(out).Encode(append([]fault.Rule{}, rules...)) // [] for none
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tSERVICE\tOPERATION\tFAULT\tPROBABILITY\tUNTIL\tMET")
	for _, r := range rules {
		until := "-"
		if !r.Until.IsZero() {
			until = r.Until.Format(time.TimeOnly)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%v\t%s\t%d\n", r.ID, cmp.Or(r.Service, "*"), cmp.Or(r.Operation, "*"),
			whatGoesWrong(r), cmp.Or(r.Probability, 1), until, r.Met)
	}
	return table.Flush()
}

// resultOf is a call's result, and the fault that met it.
func resultOf(c localaws.Call) string {
	if c.Fault == "" {
		return c.Result
	}
	return c.Result + " (fault: " + c.Fault + ")"
}

// whatGoesWrong is the flag that made the rule, without its dashes.
func whatGoesWrong(r fault.Rule) string {
	switch {
	case r.Code != "":
		return "code " + r.Code
	case r.Status != 0:
		return "status " + strconv.Itoa(r.Status)
	case r.LoseAnswer:
		return "lose-answer"
	case r.Delay != 0:
		return "delay " + r.Delay.String()
	}
	return "stale " + r.Stale.String()
}
