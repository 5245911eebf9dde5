package localaws_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/localaws/fault"
)

func TestOfflineItAnswersWithoutASocket(t *testing.T) {
	t.Parallel()
	cloud, err := localaws.Start(t.Context(), localaws.Config{Offline: true, Throttling: "off"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	describe := func() (*http.Response, error) {
		form := url.Values{"Action": {"DescribeLoadBalancers"}, "Version": {"2015-12-01"}}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, cloud.URL(), strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return cloud.RoundTrip(request)
	}
	answer, err := describe()
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("it answered %s", answer.Status)
	}
	if _, err := cloud.Faults().Add(fault.Rule{LoseAnswer: true}); err != nil {
		t.Fatal(err)
	}
	if answer, err := describe(); err == nil {
		answer.Body.Close()
		t.Errorf("a lost answer arrived: %s", answer.Status)
	}
}
