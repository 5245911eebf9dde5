package cloud_test

import (
	"net/netip"
	"testing"

	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/model"
)

// newOfflineAWS is a local AWS with the test's VPC that needs no network: quick, and fit
// for a bubble.
func newOfflineAWS(t *testing.T, config localaws.Config) *localaws.Cloud {
	t.Helper()
	config.Offline = true
	local, err := localaws.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = local.Close() })
	if err := local.Seed(testNetwork); err != nil {
		t.Fatal(err)
	}
	return local
}

// newOfflineCloud is a controller's view of it.
func newOfflineCloud(t *testing.T, config cloud.Config, local *localaws.Cloud) *cloud.Cloud {
	t.Helper()
	config.Region, config.VPC, config.Endpoint = "us-west-2", testVPC, local.URL()
	c, err := cloud.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return c.Through(local)
}

func netipAddrPort(text string) model.TargetID { return model.TargetAt(netip.MustParseAddrPort(text)) }
