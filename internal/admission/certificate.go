package admission

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/cert-controller/pkg/rotator"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

const (
	// Name of the Secret, Service and Deployment.
	Name = "sluice-webhook"

	// The MutatingWebhookConfigurations.
	gatesConfiguration = "sluice-gates"
	drainConfiguration = "sluice-drain"

	authorityValidity   = 10 * 365 * 24 * time.Hour
	certificateValidity = 90 * 24 * time.Hour
	renewBefore         = 30 * 24 * time.Hour
)

// keyPair is the certificate that is served: what the Secret holds now. It is taken from the
// Secret itself and not from a volume, which the kubelet brings up to date only after a
// minute or so; for that long the API server would not trust what we serve.
type keyPair struct {
	current atomic.Pointer[tls.Certificate]
	// served is a file that the rotator waits for: there once a certificate is served.
	served string
}

// rotate adds to the manager what makes certificates, keeps them in the Secret and publishes
// their authority in the MutatingWebhookConfigurations that are there. All replicas do; the Secret's resource
// version settles who was first.
func (p *keyPair) rotate(ctx context.Context, m manager.Manager, c Config) error {
	dir, err := os.MkdirTemp("", Name+"-")
	if err != nil {
		return fmt.Errorf("making a directory for the certificate: %w", err)
	}
	p.served = filepath.Join(dir, corev1.TLSCertKey)
	if err := p.follow(ctx, m.GetCache()); err != nil {
		return fmt.Errorf("watching the Secret %s/%s: %w", c.Namespace, Name, err)
	}
	err = rotator.AddRotator(m, &rotator.CertRotator{
		SecretKey:          types.NamespacedName{Namespace: c.Namespace, Name: Name},
		CertDir:            dir,
		CAName:             "sluice-webhook-ca",
		CAOrganization:     "sluice",
		DNSName:            Name + "." + c.Namespace + ".svc",
		ExtraDNSNames:      c.DNSNames,
		IsReady:            make(chan struct{}),
		Webhooks:           []rotator.WebhookInfo{{Name: gatesConfiguration, Type: rotator.Mutating}, {Name: drainConfiguration, Type: rotator.Mutating}},
		FieldOwner:         Name,
		CaCertDuration:     authorityValidity,
		ServerCertDuration: certificateValidity,
		LookaheadInterval:  renewBefore,
	})
	if err != nil {
		return fmt.Errorf("setting up the rotation of certificates: %w", err)
	}
	return nil
}

// follow takes each version of the Secret. The cache holds no other (see cacheOptions).
func (p *keyPair) follow(ctx context.Context, informers cache.Cache) error {
	informer, err := informers.GetInformer(ctx, &corev1.Secret{}, cache.BlockUntilSynced(false))
	if err != nil {
		return err
	}
	take := func(object any) {
		if err := p.take(object.(*corev1.Secret)); err != nil {
			log.FromContext(ctx).Error(err, "the certificate in the Secret cannot be served", "secret", Name)
		}
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc: take, UpdateFunc: func(_, object any) { take(object) },
	})
	return err
}

func (p *keyPair) take(secret *corev1.Secret) error {
	if len(secret.Data[corev1.TLSCertKey]) == 0 {
		return nil // as it is installed; the rotator fills it
	}
	pair, err := tls.X509KeyPair(secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey])
	if err != nil {
		return err
	}
	p.current.Store(&pair)
	certificateExpiry.Set(float64(pair.Leaf.NotAfter.Unix()))
	return os.WriteFile(p.served, secret.Data[corev1.TLSCertKey], 0o600)
}

func (p *keyPair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if pair := p.current.Load(); pair != nil {
		return pair, nil
	}
	return nil, errors.New("there is no certificate yet")
}
