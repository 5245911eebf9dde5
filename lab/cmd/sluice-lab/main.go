// sluice-lab is a Kubernetes cluster and an AWS in one program; see package cli.
package main

import (
	"os"

	"github.com/sluice-lb/sluice/lab/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:])) }
