package admission

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	corev1 "k8s.io/api/core/v1"
)

// An older Kubernetes would reject Pods with a preStop that sleeps.
func TestDrainNeedsAKubernetesThatSleeps(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{
		"v1.27.16-gke.1000": false, "v1.29.15": false, "v1.29.15-eks-113cf36": false,
		"v1.30.0": true, "v1.30.9-eks-5d632ec": true, "v1.37.2": true,
	} {
		if got, err := takesSleep(version); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", version, got, err, want)
		}
	}
	if _, err := takesSleep("unknown"); err == nil {
		t.Error("a version that cannot be read was taken for one")
	}
}

// What the Secret holds is served from the next connection on; what cannot be served leaves
// the certificate that there was.
func TestCertificateFollowsItsSecret(t *testing.T) {
	t.Parallel()
	pair := &keyPair{served: filepath.Join(t.TempDir(), "tls.crt")}
	if err := pair.take(&corev1.Secret{}); err != nil {
		t.Errorf("the Secret as it is installed: %v", err)
	}
	if _, err := pair.get(nil); err == nil {
		t.Error("a certificate is served before there is one")
	}
	first, second := time.Now().Add(time.Hour).Truncate(time.Second), time.Now().Add(2*time.Hour).Truncate(time.Second)
	for _, expires := range []time.Time{first, second} {
		if err := pair.take(secretUntil(t, expires)); err != nil {
			t.Fatal(err)
		}
		served, err := pair.get(nil)
		if err != nil || !served.Leaf.NotAfter.Equal(expires) {
			t.Errorf("served: %v, %v; want one until %s", served, err, expires)
		}
		if got := testutil.ToFloat64(certificateExpiry); got != float64(expires.Unix()) {
			t.Errorf("the metric says %v, want %v", got, expires.Unix())
		}
	}
	if _, err := os.Stat(pair.served); err != nil {
		t.Errorf("the rotator is not told that a certificate is served: %v", err)
	}
	if err := pair.take(&corev1.Secret{Data: map[string][]byte{"tls.crt": []byte("nonsense")}}); err == nil {
		t.Error("nonsense was taken")
	}
	if served, err := pair.get(nil); err != nil || !served.Leaf.NotAfter.Equal(second) {
		t.Errorf("after nonsense: %v, %v", served, err)
	}
}

func secretUntil(t *testing.T, expires time.Time) *corev1.Secret {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: expires, DNSNames: []string{"localhost"}}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{Data: map[string][]byte{
		corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}),
	}}
}
