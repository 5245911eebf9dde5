package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/sluice-lb/sluice/internal/admission"
	"github.com/sluice-lb/sluice/internal/version"
)

// webhookOptions are the flags of `sluice webhook`. Those that the incumbent has bear its names.
type webhookOptions struct {
	admission.Config
	kubeconfig    string
	shutdownDelay time.Duration
	logLevel      string
}

func parseWebhook(arguments []string) (webhookOptions, error) {
	var o webhookOptions
	flags := o.flagSet()
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if len(flags.Args()) > 0 {
		return o, fmt.Errorf("unexpected argument %q; see sluice webhook --help", flags.Arg(0))
	}
	return o, o.validate()
}

func (o *webhookOptions) flagSet() *pflag.FlagSet {
	flags := pflag.NewFlagSet("sluice webhook", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file; empty: the service account of the Pod")
	flags.StringVar(&o.Host, "webhook-bind-host", "", "address to listen on; empty: every address")
	flags.IntVar(&o.Port, "webhook-bind-port", 9443, "port to listen on")
	flags.StringVar(&o.Namespace, "webhook-namespace", admission.Name, "namespace of the Secret with the certificate and of the Service "+admission.Name)
	flags.StringSliceVar(&o.DNSNames, "webhook-dns-names", nil, "names that the certificate is good for, beside that of the Service")
	flags.StringVar(&o.CertDir, "webhook-cert-dir", "", "directory with a certificate that somebody else keeps current, and whose authority somebody else publishes; empty: both is done here")
	flags.StringVar(&o.CertFile, "webhook-cert-file", "tls.crt", "file of the certificate in --webhook-cert-dir")
	flags.StringVar(&o.KeyFile, "webhook-key-file", "tls.key", "file of the key in --webhook-cert-dir")
	flags.StringVar(&o.MetricsAddress, "metrics-bind-addr", ":8080", "address of /metrics; 0 switches it off")
	flags.StringVar(&o.ProbeAddress, "health-probe-bind-addr", ":61779", "address of /healthz and /readyz")
	flags.DurationVar(&o.shutdownDelay, "shutdown-delay", 10*time.Second, "how long to go on serving after SIGTERM, until nobody sends anything here any more")
	flags.StringVar(&o.logLevel, "log-level", "info", "info or debug")
	flags.Usage = func() {
		fmt.Fprintf(os.Stderr, "sluice webhook gives new Pods their readiness gates and their drain. It does what the policies in config/policies do,\n"+
			"for clusters whose API server has none (Kubernetes before 1.36); gates from 1.28 on, drain from 1.30 on.\n"+
			"It rejects no Pod, needs no AWS, and works while the controller is down. All replicas serve.\n\n"+
			"Usage:\n  sluice webhook [flags]\n\nFlags:\n%s", flags.FlagUsages())
	}
	return flags
}

// validate names everything that is wrong, not only the first.
func (o webhookOptions) validate() error {
	var complaints []error
	complain := func(flag string, value any, remedy string) {
		complaints = append(complaints, fmt.Errorf("  --%s=%v: %s", flag, value, remedy))
	}
	if o.Port < 1 || o.Port > 65535 {
		complain("webhook-bind-port", o.Port, "give a port from 1 to 65535")
	}
	if o.Namespace == "" {
		complain("webhook-namespace", "", "give the namespace of the Secret "+admission.Name)
	}
	if o.shutdownDelay < 0 {
		complain("shutdown-delay", o.shutdownDelay, "give a duration such as 10s, or 0")
	}
	if !slices.Contains([]string{"info", "debug"}, o.logLevel) {
		complain("log-level", o.logLevel, "write info or debug")
	}
	if len(complaints) > 0 {
		return fmt.Errorf("flags:\n%w", errors.Join(complaints...))
	}
	return nil
}

func runWebhook(ctx context.Context, arguments []string) error {
	o, err := parseWebhook(arguments)
	if err != nil {
		return err
	}
	logger := newLogger(o.logLevel)
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	logger.Info("starting the webhook", "version", version.String(), "port", o.Port)
	cluster, err := restConfig(o.kubeconfig)
	if err != nil {
		return err
	}
	metrics.Registry.MustRegister(append(admission.Collectors(), buildInfo)...)
	noteBuild("webhook")
	return admission.Serve(ctrl.LoggerInto(outlasting(ctx, o.shutdownDelay), logger), cluster, o.Config)
}

// outlasting ends a while after ctx does. A Pod that ends is still sent requests until all
// nodes have learned of it, and each that finds nobody is a Pod without gates.
func outlasting(ctx context.Context, delay time.Duration) context.Context {
	longer, end := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(delay, end) })
	return longer
}
