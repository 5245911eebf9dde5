package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/plan"
	"github.com/sluice-lb/sluice/internal/preview"
)

// planning is how long a plan may take: AWS is asked no faster than the account's rates allow.
const planning = 5 * time.Minute

// How plan ends, as kubectl diff does.
const (
	differs = 1
	failed  = 2
)

// planFlags are those of plan.
type planFlags struct {
	files  []string
	all    bool
	output string
}

func (f *planFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&f.files, "filename", "f", nil, "Of lint and plan: manifests, a folder of them, or -")
	flags.BoolVar(&f.all, "all", false, "Of plan: all load balancers, not only those that the manifests touch")
	flags.StringVarP(&f.output, "output", "o", "", "Of plan and preflight: json or yaml")
}

// planCommand prints what the controller would do, and ends with an exit.
func planCommand(ctx context.Context, flags clientcmd.ClientConfig, said *pflag.FlagSet, wanted planFlags, in io.Reader, out io.Writer) error {
	previews, notes, err := plans(ctx, flags, said, wanted, in)
	if err != nil {
		return exit{failed, err}
	}
	if err := printPlans(out, wanted.output, previews, notes); err != nil {
		return exit{failed, err}
	}
	code := 0
	for _, p := range previews {
		switch {
		case p.Failed():
			code = failed
		case len(p.Steps) > 0:
			code = max(code, differs)
		}
	}
	if code == 0 {
		return nil
	}
	return exit{code: code}
}

func plans(ctx context.Context, flags clientcmd.ClientConfig, said *pflag.FlagSet, wanted planFlags, in io.Reader) (previews []plan.Preview, notes []string, err error) {
	if len(wanted.files) == 0 && !wanted.all {
		return nil, nil, errors.New("plan what? Write: kubectl sluice plan -f FILE, or --all for what the cluster has")
	}
	if !slices.Contains([]string{"", "json", "yaml"}, wanted.output) {
		return nil, nil, fmt.Errorf("--output=%s: write json or yaml, or leave it out", wanted.output)
	}
	changed, err := manifests(wanted.files, in)
	if err != nil {
		return nil, nil, err
	}
	cluster, err := connect(flags)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, planning)
	defer cancel()
	shape, err := cluster.settings(ctx, said, controllers)
	if err != nil {
		return nil, nil, err
	}
	have, err := cluster.objects(ctx)
	if err != nil {
		return nil, nil, err
	}
	touched, ignored, err := have.overlay(changed, cluster.namespace)
	if err != nil {
		return nil, nil, err
	}
	if len(ignored) > 0 {
		notes = append(notes, "no load balancer is made from "+strings.Join(ignored, ", "))
	}
	aws, err := shape.aws(ctx)
	if err != nil {
		return nil, nil, err
	}
	previews, err = preview.Of(ctx, aws, have.cluster(shape), func(m ingress.Membership) bool { return wanted.all || touches(m, touched) })
	if len(previews) == 0 && err == nil {
		notes = append(notes, "no load balancer is concerned: no Ingress of a class that Sluice serves, nor a Service of one")
	}
	return previews, notes, err
}

func printPlans(out io.Writer, format string, previews []plan.Preview, notes []string) error {
	if format != "" {
		return marshal(out, format, map[string]any{"stacks": previews})
	}
	for i, p := range previews {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprint(out, p)
	}
	for _, note := range notes {
		fmt.Fprintf(out, "(%s)\n", note)
	}
	return nil
}

func marshal(out io.Writer, format string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err == nil && format == "yaml" {
		text, err = yaml.JSONToYAML(text)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, strings.TrimSpace(string(text)))
	return err
}
