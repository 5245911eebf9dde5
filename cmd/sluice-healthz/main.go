// Command sluice-healthz joins the health of a Pod's containers into one endpoint for the load balancer's health check.
// It is `sluice healthz` by itself, for an image that is small enough to stand in every Pod.
//
//	sluice-healthz --required http://:8080/ready --required tcp://:6379 --optional grpc://:9090/package.Service
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/sluice-lb/sluice/internal/healthz"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := healthz.Command(ctx, os.Args[1:], os.Stderr); err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "sluice-healthz:", err)
		os.Exit(1)
	}
}
