package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/controller"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/version"
)

// The lease is short, so that a lost leader is replaced, and its successor at work, within the
// five seconds that draining allows for it (docs/design/drain.md), and standbys are warm.
// client-go looks each retry period, and up to 1.2 periods more, whether a lease is free: one
// that is handed over is taken within 0.7 s. Leases count whole seconds.
const (
	leaseDuration = 3 * time.Second
	renewDeadline = 2 * time.Second
	retryPeriod   = 300 * time.Millisecond
)

// garbagePercent of what is in use may be garbage until it is collected. What is in use are the
// caches, which are long-lived; little garbage comes beside them, so that collecting it
// three times as often as usual costs next to nothing.
const garbagePercent = 33

// start runs the controller until ctx ends.
func start(ctx context.Context, o options) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	logger := newLogger(o.logLevel)
	ctrl.SetLogger(logger)
	klog.SetLogger(logger)
	logger.Info("starting", "version", version.String(), "mode", o.mode, "cluster", o.Cluster, "vpc", o.VPC)

	cluster, err := restConfig(o.kubeconfig)
	if err != nil {
		return err
	}
	if err := mayStart(ctrl.LoggerInto(ctx, logger), cluster, o); err != nil {
		return err
	}
	registerMetrics()
	for {
		err := serve(ctx, cluster, o)
		if err == nil || ctx.Err() != nil || !lostLease(err) {
			return err
		}
		logger.Info("the lease is lost: nothing is written until it is held again", "lease", o.leaderElectionNamespace+"/"+o.lease())
	}
}

// mayStart looks for others whose work this controller would undo, or leave undone. The other modes
// are made to run beside one.
func mayStart(ctx context.Context, cluster *rest.Config, o options) error {
	if o.mode != string(controller.Full) || o.dryRun {
		return nil
	}
	client, err := kubernetes.NewForConfig(cluster)
	if err != nil {
		return fmt.Errorf("setting up the Kubernetes client: %w", err)
	}
	untyped, err := dynamic.NewForConfig(cluster)
	if err != nil {
		return fmt.Errorf("setting up the Kubernetes client: %w", err)
	}
	if o.leads() {
		if err := standAlone(ctx, client, o.lease(), o.leaderElectionNamespace); err != nil {
			return err
		}
	}
	return abandonNothing(ctx, client, untyped, o.abandon)
}

// serve runs the controllers until ctx ends or the lease is lost. What it knew is then
// forgotten: somebody else may change it.
func serve(ctx context.Context, cluster *rest.Config, o options) error {
	aws, err := cloud.New(ctx, o.cloudConfig())
	if err != nil {
		return err
	}
	for _, budget := range aws.Collectors() {
		metrics.Registry.MustRegister(budget)
		defer metrics.Registry.Unregister(budget)
	}
	manager, err := newManager(ctx, cluster, o)
	if err != nil {
		return err
	}
	if err := controller.Setup(ctx, manager, o.controllerConfig(), aws); err != nil {
		return err
	}
	if err := runManager(ctx, manager); err != nil {
		return fmt.Errorf("running the controllers: %w", err)
	}
	return nil
}

// runManager returns when the manager has ended, or is told to while its caches are still being
// filled: controller-runtime (v0.25) then waits for them for ever, at the cost of a whole CPU.
func runManager(ctx context.Context, m ctrl.Manager) error {
	filled := make(chan struct{})
	if err := m.Add(afterCaches(filled)); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- m.Start(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case <-filled:
		return <-ended
	default:
		return nil
	}
}

// afterCaches is closed when the caches have been filled, on every replica.
type afterCaches chan struct{}

// Start is called once.
func (c afterCaches) Start(context.Context) error {
	close(c)
	return nil
}

// NeedLeaderElection says that a standby has caches, too.
func (afterCaches) NeedLeaderElection() bool { return false }

// lostLease: controller-runtime has no name for this error.
func lostLease(err error) bool { return strings.HasSuffix(err.Error(), "leader election lost") }

func newLogger(level string) logr.Logger {
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	if level == "debug" {
		options.Level = slog.LevelDebug
	}
	return logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, options))
}

func restConfig(kubeconfig string) (*rest.Config, error) {
	loaded, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("loading the Kubernetes configuration (flag --kubeconfig): %w", err)
	}
	loaded.QPS = -1 // the API server's own fairness rules; a limit here would delay gates
	loaded.UserAgent = "sluice/" + version.String()
	return loaded, nil
}

func newManager(ctx context.Context, cluster *rest.Config, o options) (ctrl.Manager, error) {
	objects := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, v1beta1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(objects); err != nil {
			return nil, fmt.Errorf("building the scheme: %w", err)
		}
	}
	manager, err := ctrl.NewManager(cluster, ctrl.Options{
		Scheme:                        objects,
		Cache:                         cache.Options{DefaultTransform: cache.TransformStripManagedFields(), ByObject: controller.Slimmed()},
		Controller:                    config.Controller{EnableWarmup: new(true), SkipNameValidation: new(true)}, // names come again with each lease
		Metrics:                       metricsserver.Options{BindAddress: o.metricsAddress},
		HealthProbeBindAddress:        o.probeAddress,
		LeaderElection:                o.leads(),
		LeaderElectionID:              o.lease(),
		LeaderElectionNamespace:       o.leaderElectionNamespace,
		LeaderElectionReleaseOnCancel: true, // the process ends right after
		LeaseDuration:                 new(leaseDuration),
		RenewDeadline:                 new(renewDeadline),
		RetryPeriod:                   new(retryPeriod),
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the manager: %w", err)
	}
	if err := manager.AddHealthzCheck("ping", func(*http.Request) error { return nil }); err != nil {
		return nil, fmt.Errorf("adding the health probe: %w", err)
	}
	if err := manager.AddReadyzCheck("caches", synced(manager.GetCache())); err != nil {
		return nil, fmt.Errorf("adding the readiness probe: %w", err)
	}
	return manager, warm(ctx, manager, controller.Mode(o.mode))
}

// warm has the caches filled before this replica leads, so that it can act at once. What a mode
// does not look at it has no right to.
func warm(ctx context.Context, manager ctrl.Manager, mode controller.Mode) error {
	objects := []client.Object{
		&corev1.Pod{}, &corev1.Service{}, &corev1.Node{}, &corev1.Namespace{}, &discoveryv1.EndpointSlice{}, &networkingv1.Ingress{}, &networkingv1.IngressClass{},
		&appsv1.ReplicaSet{}, &appsv1.StatefulSet{}, &appsv1.DaemonSet{},
		&v1beta1.TargetGroupBinding{},
	}
	if mode != controller.Observe {
		objects = append(objects, &v1alpha1.ReadinessGateSet{})
	}
	if mode == controller.Full {
		objects = append(objects, &v1alpha1.LoadBalancer{})
	}
	for _, object := range objects {
		if _, err := manager.GetCache().GetInformer(ctx, object, cache.BlockUntilSynced(false)); err != nil {
			return fmt.Errorf("watching %T: %w", object, err)
		}
	}
	return nil
}

// synced is ready once every cache has been filled.
func synced(informers cache.Cache) func(*http.Request) error {
	return func(request *http.Request) error {
		ctx, cancel := context.WithTimeout(request.Context(), time.Second)
		defer cancel()
		if !informers.WaitForCacheSync(ctx) {
			return fmt.Errorf("caches are still being filled")
		}
		return nil
	}
}

func registerMetrics() {
	for _, room := range [][]prometheus.Collector{cloud.Collectors(), health.Collectors(), controller.Collectors()} {
		metrics.Registry.MustRegister(room...)
	}
	metrics.Registry.MustRegister(buildInfo)
	noteBuild("controller")
}
