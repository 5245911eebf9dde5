package cloud

import (
	"context"
	"maps"
	"slices"
	"time"

	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluice-lb/sluice/internal/model"
)

var certificateExpiry = prometheus.NewDesc("sluice_certificate_expiry_timestamp_seconds",
	"When a certificate of ACM expires that a listener uses, in seconds since 1970, by its ARN and the stack, as its tag names it. "+
		"It is known from the last list of certificates: that which a listener without an ARN was built from, or that of a drift round.", []string{"certificate", "stack"}, nil)

// noteExpiries replaces what is known by a whole list.
func (c *certificateCache) noteExpiries(listed []acmtypes.CertificateSummary) {
	expire := map[string]time.Time{}
	for _, summary := range listed {
		if summary.NotAfter != nil {
			expire[deref(summary.CertificateArn)] = *summary.NotAfter
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire = expire
}

// refreshExpiries lists the certificates anew where listeners use some. ACM renews its own
// weeks before they expire and tells nobody: without this a renewed one would look old for ever,
// and one that is named by its ARN would never be known.
func (r reader) refreshExpiries(ctx context.Context) error {
	if len(r.certificatesInUse()) == 0 {
		return nil
	}
	_, err := r.listCertificates(ctx)
	return err
}

// certificatesInUse are the ARNs that listeners of each stack have, as far as that is known.
func (c *Cloud) certificatesInUse() map[model.StackID][]string {
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	out := map[model.StackID][]string{}
	for id, h := range c.inventory.stacks {
		used := map[string]bool{}
		for _, listener := range h.observed.Listeners {
			for _, arn := range append([]string{listener.Certificate}, listener.SNI...) {
				used[arn] = true
			}
		}
		delete(used, "")
		if len(used) > 0 {
			out[id] = slices.Sorted(maps.Keys(used))
		}
	}
	return out
}

// expiryCollector tells of the certificates that listeners use now.
type expiryCollector struct{ cloud *Cloud }

// Describe is part of prometheus.Collector.
func (c expiryCollector) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- certificateExpiry
}

// Collect is part of prometheus.Collector.
func (c expiryCollector) Collect(metrics chan<- prometheus.Metric) {
	used := c.cloud.certificatesInUse()
	known := &c.cloud.certificates
	known.mu.Lock()
	defer known.mu.Unlock()
	for id, arns := range used {
		for _, arn := range arns {
			if at, ok := known.expire[arn]; ok {
				metrics <- prometheus.MustNewConstMetric(certificateExpiry, prometheus.GaugeValue, float64(at.Unix()), arn, id.String())
			}
		}
	}
}
