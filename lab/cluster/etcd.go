package cluster

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"

	"go.etcd.io/etcd/server/v3/embed"

	"github.com/sluice-lb/sluice/lab/address"
)

// startEtcd starts a single etcd that does not sync its files: a lab is not kept over a crash. It
// runs until the process ends; to close it would wait for the API server to let go.
func startEtcd(ctx context.Context, addr netip.Addr, dir, log string) (string, error) {
	var urls []url.URL
	for _, wanted := range []int{2379, 2380} {
		port, err := address.FreePort(addr, wanted)
		if err != nil {
			return "", err
		}
		urls = append(urls, url.URL{Scheme: "http", Host: netip.AddrPortFrom(addr, uint16(port)).String()})
	}
	client, peer := urls[0], urls[1]
	config := embed.NewConfig()
	config.Dir = dir
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.Name + "=" + peer.String()
	config.LogLevel, config.LogOutputs = "warn", []string{log}
	config.UnsafeNoFsync = true
	config.QuotaBackendBytes = 4 << 30
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return "", fmt.Errorf("starting etcd: %w", err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return client.String(), nil
	case err := <-etcd.Err():
		return "", fmt.Errorf("starting etcd: %w", err)
	case <-ctx.Done():
		etcd.Close()
		return "", fmt.Errorf("starting etcd: %w", ctx.Err())
	}
}
