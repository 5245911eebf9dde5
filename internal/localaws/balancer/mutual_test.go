package balancer_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
)

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	trusted, nobody := x509.NewCertPool(), x509.NewCertPool()
	trusted.AddCert(authority().Leaf)
	parent := authority()
	mine, expired := certificate("client"), sign(&parent, -time.Minute, "client")
	const begin = "-----BEGIN%20CERTIFICATE-----%0A"
	known := func(c tls.Certificate) []string {
		return []string{
			"Issuer=", "Leaf=" + begin, "Serial-Number=" + strings.ToUpper(c.Leaf.SerialNumber.Text(16)), "Subject=",
			"Validity=NotBefore=0001-01-01T00:00:00Z;NotAfter=" + c.Leaf.NotAfter.UTC().Format("2006-01-02T15:04:05Z"),
		}
	}
	for _, tt := range []struct {
		name   string
		mutual *balancer.Mutual
		show   []tls.Certificate
		want   []string // headers, or nil for no answer
	}{
		{"off", nil, []tls.Certificate{mine}, []string{"Leaf=forged"}},
		{"passthrough", &balancer.Mutual{}, []tls.Certificate{mine}, []string{"=" + begin}},
		{"passthrough-nothing", &balancer.Mutual{}, nil, []string{}},
		{"verified", &balancer.Mutual{Verify: true, Trusted: trusted, Advertise: true}, []tls.Certificate{mine}, known(mine)},
		{"expired", &balancer.Mutual{Verify: true, Trusted: trusted}, []tls.Certificate{expired}, nil},
		{"expired-is-ignored", &balancer.Mutual{Verify: true, Trusted: trusted, IgnoreExpiry: true}, []tls.Certificate{expired}, known(expired)},
		{"not-expired", &balancer.Mutual{Verify: true, Trusted: trusted, IgnoreExpiry: true}, []tls.Certificate{mine}, known(mine)},
		{"not-trusted", &balancer.Mutual{Verify: true, Trusted: nobody}, []tls.Certificate{mine}, nil},
		{"nothing-shown", &balancer.Mutual{Verify: true, Trusted: trusted}, nil, nil},
		{"revoked", &balancer.Mutual{Verify: true, Trusted: trusted, Revoked: func(_ string, serial *big.Int) bool {
			return serial.Cmp(mine.Leaf.SerialNumber) == 0
		}}, []tls.Certificate{mine}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			group, targets := r.group(balancer.Settings{}, server(t, reportMutual))
			r.apply(serve(&balancer.Routes{
				TLS:     &balancer.TLS{Certificates: []tls.Certificate{certificate("shop.example.com")}, Mutual: tt.mutual},
				Default: to(group),
			}), targets...)
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("X-Amzn-Mtls-Clientcert-Leaf", "forged")
			response, err := r.client(port, func(c *tls.Config) { c.Certificates = tt.show }).Do(request)
			if err != nil {
				if tt.want != nil {
					t.Error(err)
				}
				return
			}
			if tt.want == nil {
				t.Errorf("got %s", response.Status)
			}
			defer func() { _ = response.Body.Close() }()
			body := string(must(t, func() ([]byte, error) { return io.ReadAll(response.Body) }))
			if diff := cmp.Diff(tt.want, strings.FieldsFunc(body, func(c rune) bool { return c == '\n' })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// reportMutual answers with the headers about the client's certificate, of PEM only its begin.
func reportMutual(w http.ResponseWriter, q *http.Request) {
	var lines []string
	for name, values := range q.Header {
		if rest, ok := strings.CutPrefix(name, "X-Amzn-Mtls-Clientcert"); ok {
			value := values[0]
			if begin, _, isPEM := strings.Cut(value, "%0A"); isPEM {
				value = begin + "%0A"
			}
			lines = append(lines, strings.TrimPrefix(rest, "-")+"="+value)
		}
	}
	slices.Sort(lines)
	_, _ = io.WriteString(w, strings.Join(lines, "\n"))
}
