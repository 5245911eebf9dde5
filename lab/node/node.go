// Package node runs a node: a real kubelet whose containers are goroutines.
//
// In go the node's name, addresses and credentials; out comes a Node that is Ready, runs Pods and
// can be asked for logs, exec and port-forward. Everything that decides about Pods — probes,
// readiness gates, preStop, grace periods, restarts — is the kubelet's own code; below it are the
// runtime of package cri, a made-up machine and a file system without mounts.
//
//	err := node.Start(ctx, node.Config{Name: "node-1", Address: addr, Pods: prefix, …})
//
// Several nodes live in one process if they are started one after the other. A kubelet cannot be
// stopped again: it ends with the process, and on some errors it ends the process.
package node

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	noop "go.opentelemetry.io/otel/trace/noop"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
	kubeletapp "k8s.io/kubernetes/cmd/kubelet/app"
	"k8s.io/kubernetes/cmd/kubelet/app/options"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/kubelet"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	kubeletutil "k8s.io/kubernetes/pkg/kubelet/util"
	"k8s.io/kubernetes/pkg/util/oom"
	"k8s.io/kubernetes/pkg/volume/util/hostutil"
	"k8s.io/mount-utils"

	"github.com/sluice-lb/sluice/lab/address"
	"github.com/sluice-lb/sluice/lab/cri"
	"github.com/sluice-lb/sluice/lab/program"
)

// Config is one node.
type Config struct {
	Name         string
	Zone, Region string
	ProviderID   string       // aws:///us-west-2a/i-…
	Address      netip.Addr   // where the kubelet listens
	Pods         netip.Prefix // addresses of its Pods
	Host         program.Host // for images that are real programs
	Dir          string       // the kubelet's own directory
	ClientCAFile string       // who may ask the kubelet for logs and exec
	Kubelet      *rest.Config // as system:node:<name>
	Admin        *rest.Config
}

// mostPods bounds what the scheduler puts on one node; a kubelet of the lab copes with more.
const mostPods = 500

// kubeletPort is the usual one. Where something of this machine has it on all addresses, another is taken.
const kubeletPort = 10250

var logLinks sync.Once

// Start registers the node and returns when its kubelet answers.
func Start(ctx context.Context, config Config) error {
	if err := config.prepare(); err != nil {
		return fmt.Errorf("preparing %s: %w", config.Name, err)
	}
	admin, err := kubernetes.NewForConfig(config.Admin)
	if err != nil {
		return err
	}
	if err := register(ctx, admin, config); err != nil {
		return err
	}
	ctx = klog.NewContext(ctx, klog.LoggerWithName(klog.Background(), config.Name))
	server, err := config.server()
	if err != nil {
		return err
	}
	dependencies, err := config.dependencies(ctx, server, admin)
	if err != nil {
		return fmt.Errorf("preparing the kubelet of %s: %w", config.Name, err)
	}
	forgetCollectors()
	if err := kubeletapp.RunKubelet(ctx, server, dependencies); err != nil {
		return fmt.Errorf("starting the kubelet of %s: %w", config.Name, err)
	}
	return answers(ctx, net.JoinHostPort(config.Address.String(), strconv.Itoa(int(server.Port))))
}

func (c Config) prepare() error {
	for _, dir := range []string{"pod-logs", "pki"} {
		if err := os.MkdirAll(filepath.Join(c.Dir, dir), 0o755); err != nil {
			return err
		}
	}
	// A package variable of the kubelet, so all nodes of the process share the first one's.
	logLinks.Do(func() { kubelet.ContainerLogsDir = filepath.Join(c.Dir, "log-links") })
	return nil
}

// server is the kubelet's configuration: the usual one, without what needs root, cgroups or a disk.
func (c Config) server() (*options.KubeletServer, error) {
	flags := options.NewKubeletFlags()
	flags.RootDirectory = c.Dir
	flags.CertDirectory = filepath.Join(c.Dir, "pki")
	flags.HostnameOverride = c.Name
	flags.CloudProvider = "external" // then the addresses are register's, and may be loopback
	flags.MinimumGCAge = metav1.Duration{}
	flags.MaxPerPodContainerCount = 1
	flags.NodeLabels = c.labels()

	port, err := address.FreePort(c.Address, kubeletPort)
	if err != nil {
		return nil, err
	}
	config, err := options.NewKubeletConfiguration()
	if err != nil {
		return nil, err
	}
	config.ContainerRuntimeEndpoint = "lab://in-process"
	config.ProviderID = c.ProviderID
	config.Address, config.Port, config.ReadOnlyPort, config.HealthzPort = c.Address.String(), int32(port), 0, 0
	config.Authentication.Anonymous.Enabled = false
	config.Authentication.Webhook.Enabled = true
	config.Authentication.X509.ClientCAFile = c.ClientCAFile
	config.Authorization.Mode = kubeletconfig.KubeletAuthorizationModeWebhook
	config.MaxPods = min(mostPods, int32(address.NewPool(c.Pods).Size()))
	config.CgroupsPerQOS = false
	config.EnforceNodeAllocatable = nil
	config.EvictionHard = map[string]string{}
	config.LocalStorageCapacityIsolation = false // and with it eviction; machine still has storage to offer
	config.ImageGCHighThresholdPercent = 100
	config.MakeIPTablesUtilChains = false
	config.EnableControllerAttachDetach = false
	config.SerializeImagePulls = false
	config.ResolverConfig = ""
	// Nobody answers there (containers are goroutines and resolve as this process does), but
	// without an address the kubelet warns about every Pod.
	config.ClusterDNS, config.ClusterDomain = []string{"127.0.0.10"}, "cluster.local"
	config.PodLogsDir = filepath.Join(c.Dir, "pod-logs")
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		config.MaxOpenFiles = int64(limit.Max) // the kubelet sets both limits to it, so it must not be lower
	}
	return &options.KubeletServer{KubeletFlags: *flags, KubeletConfiguration: *config}, nil
}

func (c Config) dependencies(ctx context.Context, server *options.KubeletServer, admin kubernetes.Interface) (*kubelet.Dependencies, error) {
	power := newPower()
	client, heartbeat, err := c.clients(power)
	if err != nil {
		return nil, err
	}
	tls, err := kubeletapp.InitializeTLS(ctx, &server.KubeletFlags, &server.KubeletConfiguration)
	if err != nil {
		return nil, err
	}
	auth, watchCA, err := kubeletapp.BuildAuth("", client, server.KubeletConfiguration)
	if err != nil {
		return nil, err
	}
	watchCA(ctx.Done())
	runtime, err := cri.New(cri.Config{Node: c.Name, Address: c.Address, Pods: c.Pods, Host: c.Host, RoleOf: roles(admin)})
	if err != nil {
		return nil, err
	}
	power.runtime = runtime
	if err := power.watch(ctx, admin, c.Name); err != nil {
		return nil, err
	}
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	recorder := broadcaster.NewRecorder(legacyscheme.Scheme, corev1.EventSource{Component: "kubelet", Host: c.Name})

	dependencies := &kubelet.Dependencies{
		Auth: auth, TLSOptions: tls,
		KubeClient: client, HeartbeatClient: heartbeat, EventClient: client.CoreV1(),
		RemoteRuntimeService: runtime, RemoteImageService: cri.Images{Runtime: runtime},
		ProbeManager:              nil, // the kubelet makes the real one
		CAdvisorInterface:         machine{c.Name},
		ContainerManager:          containers{cm.NewStubContainerManager()},
		OSInterface:               files{},
		HostUtil:                  hostUtil{hostutil.NewHostUtil()},
		Mounter:                   mount.NewFakeMounter(nil),
		Subpather:                 subpaths{},
		VolumePlugins:             volumePlugins(),
		OOMAdjuster:               oom.NewFakeOOMAdjuster(),
		PodStartupLatencyTracker:  kubeletutil.NewPodStartupLatencyTracker(),
		NodeStartupLatencyTracker: kubeletutil.NewNodeStartupLatencyTracker(klog.FromContext(ctx)),
		Recorder:                  &record.FakeRecorder{},
	}
	dependencies.TracerProvider = &afterFirstTracer{
		TracerProvider: noop.NewTracerProvider(),
		call:           func() { dependencies.Recorder = recorder },
	}
	return dependencies, nil
}

// clients are the kubelet's own and, with a timeout, the one that renews its lease.
func (c Config) clients(power *power) (client, heartbeat kubernetes.Interface, err error) {
	config := rest.CopyConfig(c.Kubelet)
	config.QPS, config.ContentType, config.UserAgent = -1, "application/vnd.kubernetes.protobuf", "kubelet/"+c.Name
	config.Wrap(power.wrap)
	if client, err = kubernetes.NewForConfig(config); err != nil {
		return nil, nil, err
	}
	config = rest.CopyConfig(config)
	config.Timeout = 10 * time.Second
	heartbeat, err = kubernetes.NewForConfig(config)
	return client, heartbeat, err
}

// answers waits until the kubelet listens. Its collectors are registered by then or a moment
// later, and the next kubelet must not start before.
func answers(ctx context.Context, address string) error {
	dialer := net.Dialer{Timeout: time.Second}
	for {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			conn.Close()
			time.Sleep(100 * time.Millisecond)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the kubelet at %s: %w", address, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
