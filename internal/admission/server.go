package admission

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	utilversion "k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
)

// Paths that the MutatingWebhookConfigurations name.
const (
	GatesPath = "/gates"
	DrainPath = "/drain"
)

// Config of the webhook's process.
type Config struct {
	// Namespace of its Secret and Service.
	Namespace string
	// Host and Port to listen on; an empty host is every address.
	Host string
	Port int
	// DNSNames that the certificate is good for beside that of the Service.
	DNSNames []string
	// CertDir holds a certificate that somebody else keeps current, in the files CertFile and
	// KeyFile; empty: certificates are made, rotated and published here.
	CertDir, CertFile, KeyFile string
	// MetricsAddress and ProbeAddress are host:port; "0" switches them off.
	MetricsAddress, ProbeAddress string
}

// Serve answers the API server until ctx ends.
func Serve(ctx context.Context, cluster *rest.Config, c Config) error {
	drains, err := canDrain(ctx, cluster)
	if err != nil {
		return err
	}
	pair := &keyPair{}
	manager, err := newManager(cluster, c, pair)
	if err != nil {
		return err
	}
	if c.CertDir == "" {
		if err := pair.rotate(ctx, manager, c); err != nil {
			return err
		}
		defer os.RemoveAll(filepath.Dir(pair.served))
	}
	server := manager.GetWebhookServer()
	server.Register(GatesPath, &webhook.Admission{Handler: NewGatesWebhook(manager.GetClient(), manager.GetAPIReader())})
	var drain webhook.AdmissionHandler = admission.HandlerFunc(undrained)
	if drains {
		drain = NewDrainWebhook(manager.GetClient(), manager.GetAPIReader())
	}
	server.Register(DrainPath, &webhook.Admission{Handler: drain})
	if err := warm(ctx, manager.GetCache()); err != nil {
		return err
	}
	if err := addProbes(manager); err != nil {
		return err
	}
	if err := manager.Start(ctx); err != nil {
		return fmt.Errorf("serving the webhook: %w", err)
	}
	return nil
}

// undrained takes the place of the drain where Kubernetes knows no preStop of the kind sleep.
func undrained(context.Context, webhook.AdmissionRequest) webhook.AdmissionResponse {
	return webhook.Allowed("")
}

// oldestDraining is where Kubernetes takes a preStop of the kind sleep without being told to.
// An older one drops the sleep and rejects a Pod whose preStop does nothing
// (KEP-3960: alpha in 1.29, on in 1.30).
var oldestDraining = utilversion.MustParseGeneric("1.30")

func canDrain(ctx context.Context, cluster *rest.Config) (bool, error) {
	client, err := discovery.NewDiscoveryClientForConfig(cluster)
	if err != nil {
		return false, fmt.Errorf("setting up the Kubernetes client: %w", err)
	}
	info, err := client.ServerVersion()
	if err != nil {
		return false, fmt.Errorf("asking Kubernetes for its version: %w", err)
	}
	drains, err := takesSleep(info.GitVersion)
	if err == nil && !drains {
		log.FromContext(ctx).Info("Pods get no drain: this Kubernetes knows no preStop sleep", "version", info.GitVersion, "needs", oldestDraining.String())
	}
	return drains, err
}

func takesSleep(kubernetes string) (bool, error) {
	found, err := utilversion.ParseGeneric(kubernetes)
	if err != nil {
		return false, fmt.Errorf("reading the version of Kubernetes: %w", err)
	}
	return found.AtLeast(oldestDraining), nil
}

func newManager(cluster *rest.Config, c Config, pair *keyPair) (ctrl.Manager, error) {
	objects := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(objects); err != nil {
			return nil, fmt.Errorf("building the scheme: %w", err)
		}
	}
	manager, err := ctrl.NewManager(cluster, ctrl.Options{
		Scheme:                 objects,
		Cache:                  cacheOptions(c),
		Metrics:                metricsserver.Options{BindAddress: c.MetricsAddress},
		HealthProbeBindAddress: c.ProbeAddress,
		WebhookServer: webhook.NewServer(webhook.Options{
			Host: c.Host, Port: c.Port, CertDir: c.CertDir, CertName: c.CertFile, KeyName: c.KeyFile,
			TLSOpts: []func(*tls.Config){func(config *tls.Config) {
				config.MinVersion = tls.VersionTLS13
				if c.CertDir == "" {
					config.GetCertificate = pair.get
				}
			}},
		}),
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the manager: %w", err)
	}
	return manager, nil
}

// cacheOptions keep of namespaces what decides, and of Secrets the one that is ours.
func cacheOptions(c Config) cache.Options {
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Secret{}: {Namespaces: map[string]cache.Config{
				c.Namespace: {FieldSelector: fields.OneTermEqualSelector("metadata.name", Name)},
			}},
		},
	}
}

// warm has the caches filled before the first question. Without the kind ReadinessGateSet
// Pods get the anticipating gate.
func warm(ctx context.Context, informers cache.Cache) error {
	for _, object := range []client.Object{&corev1.Namespace{}, &v1alpha1.ReadinessGateSet{}} {
		_, err := informers.GetInformer(ctx, object, cache.BlockUntilSynced(false))
		if meta.IsNoMatchError(err) {
			log.FromContext(ctx).Info("the cluster does not know the kind ReadinessGateSet; apply config/crd")
			continue
		}
		if err != nil {
			return fmt.Errorf("watching %T: %w", object, err)
		}
	}
	return nil
}

// addProbes: ready is who has a certificate and filled caches; alive is who runs.
func addProbes(manager ctrl.Manager) error {
	if err := manager.AddHealthzCheck("ping", func(*http.Request) error { return nil }); err != nil {
		return fmt.Errorf("adding the health probe: %w", err)
	}
	if err := manager.AddReadyzCheck("serving", manager.GetWebhookServer().StartedChecker()); err != nil {
		return fmt.Errorf("adding the readiness probe: %w", err)
	}
	err := manager.AddReadyzCheck("caches", func(request *http.Request) error {
		ctx, cancel := context.WithTimeout(request.Context(), time.Second)
		defer cancel()
		if !manager.GetCache().WaitForCacheSync(ctx) {
			return fmt.Errorf("caches are still being filled")
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("adding the readiness probe: %w", err)
	}
	return nil
}
