package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/internal/build/flags"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/diagnose"
)

// controllers are the Deployments, by their name label, whose flags are taken over; the first
// that is found counts.
var controllers = []string{"sluice", "aws-load-balancer-controller"}

const nameLabel = "app.kubernetes.io/name"

// settings are the controller's flags as far as they shape load balancers.
type settings struct {
	flags.Flags
	// from is the Deployment that they were read from; empty: they are those of the command line.
	from string
	// foreign are flags of that Deployment that Sluice does not have.
	foreign []string
}

// settings are read from the controller's Deployment; what the user says counts more.
func (c *cluster) settings(ctx context.Context, said *pflag.FlagSet, names []string) (settings, error) {
	deployment, arguments, err := c.controllerArguments(ctx, names)
	if err != nil {
		return settings{}, fmt.Errorf("looking for the controller's Deployment, to read its flags: %w", err)
	}
	s := settings{from: deployment, foreign: foreign(arguments)}
	set := pflag.NewFlagSet("controller", pflag.ContinueOnError)
	set.ParseErrorsAllowlist = pflag.ParseErrorsAllowlist{UnknownFlags: true}
	s.Add(set)
	if err := set.Parse(arguments); err != nil {
		return s, fmt.Errorf("reading the flags of Deployment %s: %w", deployment, err)
	}
	var complaints []error
	said.VisitAll(func(flag *pflag.Flag) {
		known := set.Lookup(flag.Name)
		if known == nil || !flag.Changed {
			return
		}
		if list, ok := known.Value.(pflag.SliceValue); ok {
			complaints = append(complaints, list.Replace(flag.Value.(pflag.SliceValue).GetSlice()))
			return
		}
		complaints = append(complaints, known.Value.Set(strings.Trim(flag.Value.String(), "[]")))
	})
	if err := errors.Join(complaints...); err != nil {
		return s, err
	}
	if s.Cluster == "" || s.VPC == "" {
		return s, fmt.Errorf("--cluster-name and --aws-vpc-id are not known%s: give them as the controller has them", s.origin())
	}
	return s, errors.Join(s.Validate()...)
}

// foreign are the flags that Sluice does not have.
func foreign(arguments []string) []string {
	var shape flags.Flags
	set := pflag.NewFlagSet("controller", pflag.ContinueOnError)
	shape.Add(set)
	var unknown []string
	for _, argument := range arguments {
		name, isFlag := strings.CutPrefix(argument, "--")
		name, _, _ = strings.Cut(name, "=")
		if isFlag && set.Lookup(name) == nil && !slices.Contains(diagnose.ControllerFlags, name) {
			unknown = append(unknown, argument)
		}
	}
	return unknown
}

func (s settings) origin() string {
	if s.from == "" {
		return ", and no Deployment has the label " + nameLabel + "=" + strings.Join(controllers, " or ")
	}
	return " from Deployment " + s.from
}

// controllerArguments are those of the first Deployment that is a controller. The webhook of
// Sluice, which has the same label, has no cluster's name.
func (c *cluster) controllerArguments(ctx context.Context, names []string) (deployment string, arguments []string, err error) {
	for _, name := range names {
		list, err := c.typed.AppsV1().Deployments(metav1.NamespaceAll).List(ctx, metav1.ListOptions{LabelSelector: nameLabel + "=" + name})
		if err != nil {
			return "", nil, err
		}
		for _, one := range list.Items {
			if arguments := argumentsOf(one); slices.ContainsFunc(arguments, func(a string) bool { return strings.HasPrefix(a, "--cluster-name") }) {
				return one.Namespace + "/" + one.Name, arguments, nil
			}
		}
	}
	return "", nil, nil
}

func argumentsOf(deployment appsv1.Deployment) []string {
	var all []string
	for _, container := range deployment.Spec.Template.Spec.Containers {
		all = append(all, slices.Concat(container.Command, container.Args)...)
	}
	return all
}

// aws is the account, asked with the user's own credentials and never changed.
func (s settings) aws(ctx context.Context) (*cloud.Cloud, error) {
	return cloud.New(ctx, cloud.Config{
		Cluster: s.Cluster, Region: s.Region, VPC: s.VPC, EndpointTags: s.EndpointTags,
		BudgetShare: pluginShare, ReadOnly: true,
	})
}

// pluginShare is the part of the account's rates that a person's question takes; the controller has half
// of them.
const pluginShare = 0.3
