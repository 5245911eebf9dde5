// Package cluster runs a Kubernetes control plane in this process: etcd, kube-apiserver,
// kube-controller-manager and kube-scheduler, all of them the real code.
//
// In go an address of one's own and a directory; out come an API server that is ready, an
// administrator's kubeconfig and credentials for nodes and service accounts.
//
//	c, err := cluster.Start(ctx, cluster.Config{Address: addr, Dir: dir, LogDir: logs})
//	clients, err := kubernetes.NewForConfig(c.Admin)
//
// One deviation: EndpointSlices may hold loopback addresses (loopback.go). A control plane cannot
// be started twice in a process, and it ends with the process; nodes are package node's.
package cluster

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/sluice-lb/sluice/lab/address"
)

// Config is where a control plane lives.
type Config struct {
	Address    netip.Addr // all parts listen here
	Dir        string     // certificates and etcd's data
	LogDir     string     // etcd.log and audit.log; the rest goes to klog
	Kubeconfig string     // the administrator's, written by Start
}

// Cluster is a running control plane.
type Cluster struct {
	Admin *rest.Config
	URL   string
	// Ended receives the name and error of a part that ended by itself.
	Ended <-chan error

	config    Config
	authority *authority
}

type ports struct{ apiserver, controllerManager, scheduler int }

// Start returns when the API server is ready; the other two are then starting.
func Start(ctx context.Context, config Config) (*Cluster, error) {
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	found, err := findPorts(config.Address)
	if err != nil {
		return nil, err
	}
	c := &Cluster{config: config, URL: "https://" + netip.AddrPortFrom(config.Address, uint16(found.apiserver)).String()}
	if err := c.certify(); err != nil {
		return nil, fmt.Errorf("making certificates: %w", err)
	}
	endpoint, err := startEtcd(ctx, config.Address, filepath.Join(config.Dir, "etcd"), filepath.Join(config.LogDir, "etcd.log"))
	if err != nil {
		return nil, err
	}
	args := c.arguments(endpoint, found)
	audit, err := c.audit()
	if err != nil {
		return nil, err
	}
	args.apiserver = append(args.apiserver, audit...)
	parts, err := configure(args)
	if err != nil {
		return nil, err
	}
	return c, c.run(ctx, parts)
}

func (c *Cluster) run(ctx context.Context, parts components) error {
	ended := make(chan error, 3)
	c.Ended = ended
	start := func(name string, run func(context.Context) error) {
		go func() {
			if err := run(ctx); ctx.Err() == nil {
				ended <- fmt.Errorf("%s ended: %w", name, err)
			}
		}()
	}
	start("kube-apiserver", parts.runAPIServer)
	if err := c.waitReady(ctx); err != nil {
		return err
	}
	start("kube-controller-manager", parts.runControllerManager)
	start("kube-scheduler", parts.runScheduler)
	return nil
}

func (c *Cluster) waitReady(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(c.Admin)
	if err != nil {
		return err
	}
	for {
		_, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err == nil {
			return nil
		}
		select {
		case ended := <-c.Ended:
			return ended
		case <-ctx.Done():
			return fmt.Errorf("waiting for the API server at %s: %w", c.URL, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// CAFile is the certificate authority that kubelets trust for their clients.
func (c *Cluster) CAFile() string { return c.authority.certFile("ca") }

// NodeCredentials are those of system:node:<name>.
func (c *Cluster) NodeCredentials(name string) (*rest.Config, error) {
	return c.authority.kubeconfig(c.kubeconfigFile(name), c.URL, name, identity{user: "system:node:" + name, groups: []string{"system:nodes"}})
}

// WriteServiceAccountKubeconfig writes a kubeconfig with a token of a service account and nothing
// more, so that who uses it has that account's rights and no other.
func (c *Cluster) WriteServiceAccountKubeconfig(ctx context.Context, file, namespace, name string) error {
	client, err := kubernetes.NewForConfig(c.Admin)
	if err != nil {
		return err
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(30 * 24 * 60 * 60))}}
	token, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, request, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("asking for a token of service account %s/%s: %w", namespace, name, err)
	}
	_, err = c.authority.writeKubeconfig(file, c.URL, name, &clientcmdapi.AuthInfo{Token: token.Status.Token})
	return err
}

func (c *Cluster) kubeconfigFile(name string) string {
	return filepath.Join(c.authority.dir, name+".kubeconfig")
}

func (c *Cluster) certify() error {
	var err error
	if c.authority, err = newAuthority(filepath.Join(c.config.Dir, "pki")); err != nil {
		return err
	}
	masters := []string{"system:masters"}
	for name, who := range map[string]identity{
		"apiserver": {
			user: "kube-apiserver", names: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"},
			ips: []net.IP{c.config.Address.AsSlice(), net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)},
		},
		"kubelet-client":   {user: "kube-apiserver-kubelet-client", groups: masters},
		"front-proxy":      {user: "front-proxy"},
		"service-accounts": {user: "service-accounts"}, // only its key is used
	} {
		if err := c.authority.issue(name, who); err != nil {
			return err
		}
	}
	// The controller manager is a master because its controllers share one identity here.
	for name, who := range map[string]identity{
		"controller-manager": {user: "system:kube-controller-manager", groups: masters},
		"scheduler":          {user: "system:kube-scheduler"},
	} {
		if _, err := c.authority.kubeconfig(c.kubeconfigFile(name), c.URL, name, who); err != nil {
			return err
		}
	}
	c.Admin, err = c.authority.kubeconfig(c.config.Kubeconfig, c.URL, "admin", identity{user: "lab-admin", groups: masters})
	if err != nil {
		return err
	}
	c.Admin.QPS = -1
	return nil
}

func findPorts(addr netip.Addr) (ports, error) {
	var found ports
	for port, wanted := range map[*int]int{&found.apiserver: 6443, &found.controllerManager: 10257, &found.scheduler: 10259} {
		var err error
		if *port, err = address.FreePort(addr, wanted); err != nil {
			return ports{}, err
		}
	}
	return found, nil
}
