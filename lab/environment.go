package lab

import (
	"fmt"
	"os"
	"strings"

	"github.com/sluice-lb/sluice/internal/iam"
)

// environment are the variables for AWS: the lab's endpoint and credentials that are worth nothing
// anywhere else. The metadata service is switched off, or an SDK on a real instance would ask it.
func environment(endpoint, key string) []string {
	return []string{
		"AWS_ENDPOINT_URL=" + endpoint,
		"AWS_REGION=" + region,
		"AWS_DEFAULT_REGION=" + region,
		"AWS_ACCESS_KEY_ID=" + key,
		"AWS_SECRET_ACCESS_KEY=not-a-secret",
		"AWS_EC2_METADATA_DISABLED=true",
	}
}

// awsEnv is a shell file with these variables. The function is for command lines that are older
// than AWS_ENDPOINT_URL. LAB_VPC is for controllers that are told their VPC, as there is no metadata service.
func awsEnv(endpoint, vpc string) string {
	var text strings.Builder
	text.WriteString("# For your shell: source this file. It ends with the lab.\n")
	for _, variable := range environment(endpoint, personsKey) {
		fmt.Fprintf(&text, "export %s\n", variable)
	}
	fmt.Fprintf(&text, "export LAB_VPC=%s\n", vpc)
	text.WriteString("unset AWS_PROFILE AWS_SESSION_TOKEN\n")
	text.WriteString("export NO_PROXY=\"${NO_PROXY:+$NO_PROXY,}127.0.0.0/8\"\n")
	text.WriteString("aws() { command aws --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"; }\n")
	return text.String()
}

// controllerScript is what the lab runs, for a person to run by hand. Each mode has a role of its
// own in AWS, and a service account of its own.
func controllerScript(dir Dir, command, env []string) string {
	var text strings.Builder
	text.WriteString("#!/bin/sh\n# The controller as the lab runs it; flags that are given come last, and so hold.\n")
	fmt.Fprintf(&text, ". %s\nset -- %s \"$@\"\nmode=%s\n", quote(dir.AWSEnv()), quoteAll(command), iam.Full)
	text.WriteString("for flag; do case $flag in --mode=*) mode=${flag#--mode=} ;; esac; done\ncase $mode in\n")
	for _, mode := range iam.Modes() {
		fmt.Fprintf(&text, "%s) export AWS_ACCESS_KEY_ID=%s; set -- \"$@\" --kubeconfig=%s ;;\n", mode, accessKeys[mode], quote(dir.controllerKubeconfigOf(mode)))
	}
	text.WriteString("esac\n")
	for _, variable := range env {
		fmt.Fprintf(&text, "export %s\n", quote(variable))
	}
	text.WriteString("exec \"$@\"\n")
	return text.String()
}

func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = quote(word)
	}
	return strings.Join(quoted, " ")
}

// quote makes one word of the shell.
func quote(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/.-_=:,+@%", r)
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// childEnvironment is this process's own, less any real AWS settings, plus the lab's.
func childEnvironment(endpoint, key string) []string {
	return append(withoutAWS(), environment(endpoint, key)...)
}

// controllerEnvironment is that of a controller with these flags.
func (l *Lab) controllerEnvironment(flags []string) []string {
	return append(childEnvironment(l.cloud.URL(), accessKeys[modeOf(flags)]), l.config.ControllerEnv...)
}

// withoutAWS is this process's own environment, less any AWS settings.
func withoutAWS() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "AWS_") && !strings.HasPrefix(variable, "KUBE") {
			kept = append(kept, variable)
		}
	}
	return kept
}
