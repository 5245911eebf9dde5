package main

import (
	"strings"
	"testing"
)

// FuzzFlags: no command line makes the reading of flags stumble, and what is found right can be
// handed on.
func FuzzFlags(f *testing.F) {
	for _, seed := range []string{
		"--cluster-name=prod\n--aws-vpc-id=vpc-1",
		"--mode=observe\n--cluster-name=prod\n--feature-gates=ALBSingleSubnet=true,ListenerRulesTagging=false",
		"--cluster-name=prod\n--aws-vpc-id=vpc-1\n--default-tags=a=1,b=2\n--external-managed-tags=c,d\n--allowed-certificate-authority-arns=x,y",
		"--feature-gates=x\n--brake-targets=NaN\n--aws-budget-share=1e309",
		"--default-tags==\n--ingress-max-concurrent-reconciles=-1\n--unready-grace=1y",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		arguments := strings.Split(line, "\n")
		for _, argument := range arguments {
			if strings.HasPrefix(argument, "-h") || strings.HasPrefix(argument, "--h") {
				return // prints the help
			}
		}
		options, err := parse(arguments)
		if err != nil {
			return
		}
		if err := options.validate(); err == nil {
			options.cloudConfig()
			options.controllerConfig()
		}
	})
}
