// Package nodeport lets nodes answer for Services of type NodePort and LoadBalancer, as
// kube-proxy does on a machine that gives it the rights to.
//
// In go the nodes' addresses and a client; from then on there is a TCP listener for every node
// and node port, until the context ends. A connection goes to one of the ready endpoints, with
// the node's address as its source; with externalTrafficPolicy Local to one on the same node.
// UDP and the health check port of that policy are left out.
//
//	err := nodeport.Start(ctx, nodeport.Config{Cluster: admin, Nodes: map[string]netip.Addr{"node-1": addr}, Log: logger})
package nodeport

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// Config of all nodes.
type Config struct {
	Cluster *rest.Config
	Nodes   map[string]netip.Addr // by name
	Log     *slog.Logger
}

type proxy struct {
	Config
	services corelisters.ServiceLister
	slices   discoverylisters.EndpointSliceLister
	wake     chan struct{}

	mu    sync.Mutex
	doors map[door]*listener
}

// door is where something is listened to.
type door struct {
	node string
	port uint16
}

type listener struct {
	net.Listener
	mu      sync.Mutex
	targets []netip.AddrPort
	next    int
}

// Start returns when the Services that there are can be reached.
func Start(ctx context.Context, config Config) error {
	client, err := kubernetes.NewForConfig(config.Cluster)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	p := &proxy{
		Config: config, services: factory.Core().V1().Services().Lister(), slices: factory.Discovery().V1().EndpointSlices().Lister(),
		wake: make(chan struct{}, 1), doors: map[door]*listener{},
	}
	changed := cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { p.nudge() }, UpdateFunc: func(any, any) { p.nudge() }, DeleteFunc: func(any) { p.nudge() },
	}
	for _, informer := range []cache.SharedIndexInformer{factory.Core().V1().Services().Informer(), factory.Discovery().V1().EndpointSlices().Informer()} {
		if _, err := informer.AddEventHandler(changed); err != nil {
			return err
		}
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("node ports: listing %s: %w", kind, context.Cause(ctx))
		}
	}
	go p.run(ctx)
	return nil
}

func (p *proxy) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *proxy) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			p.settle(ctx, nil)
			return
		case <-p.wake:
			p.settle(ctx, p.wanted())
		}
	}
}

// wanted are the endpoints behind each door.
func (p *proxy) wanted() map[door][]netip.AddrPort {
	all, err := p.services.List(labels.Everything())
	if err != nil {
		return nil // a cache does not fail
	}
	out := map[door][]netip.AddrPort{}
	for _, service := range all {
		for _, port := range service.Spec.Ports {
			if port.NodePort == 0 || port.Protocol != corev1.ProtocolTCP {
				continue
			}
			for node := range p.Nodes {
				out[door{node, uint16(port.NodePort)}] = p.endpoints(service, port.Name, node)
			}
		}
	}
	return out
}

// endpoints of a Service port that a node sends connections to.
func (p *proxy) endpoints(service *corev1.Service, port, node string) (list []netip.AddrPort) {
	slices, err := p.slices.EndpointSlices(service.Namespace).List(labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: service.Name}))
	if err != nil {
		return nil
	}
	local := service.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal
	for _, slice := range slices {
		for _, declared := range slice.Ports {
			if slice.AddressType != discoveryv1.AddressTypeIPv4 || declared.Port == nil || declared.Name == nil || *declared.Name != port {
				continue
			}
			for _, endpoint := range slice.Endpoints {
				ready := endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready
				if !ready || local && (endpoint.NodeName == nil || *endpoint.NodeName != node) {
					continue
				}
				if address, err := netip.ParseAddr(endpoint.Addresses[0]); err == nil {
					list = append(list, netip.AddrPortFrom(address, uint16(*declared.Port)))
				}
			}
		}
	}
	return list
}

// settle opens and closes doors.
func (p *proxy) settle(ctx context.Context, wanted map[door][]netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.doors, func(d door, l *listener) bool {
		if _, stays := wanted[d]; stays {
			return false
		}
		l.Close()
		return true
	})
	for d, targets := range wanted {
		if p.doors[d] == nil {
			opened, err := new(net.ListenConfig).Listen(ctx, "tcp", netip.AddrPortFrom(p.Nodes[d.node], d.port).String())
			if err != nil {
				p.Log.Error("opening a node port", "node", d.node, "port", d.port, "error", err)
				continue
			}
			p.doors[d] = &listener{Listener: opened}
			go p.serve(ctx, p.doors[d], p.Nodes[d.node])
		}
		p.doors[d].set(targets)
	}
}

func (l *listener) set(targets []netip.AddrPort) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.targets = targets
}

// pick takes endpoints in turn.
func (l *listener) pick() (netip.AddrPort, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.targets) == 0 {
		return netip.AddrPort{}, false
	}
	l.next++
	return l.targets[l.next%len(l.targets)], true
}

func (p *proxy) serve(ctx context.Context, l *listener, from netip.Addr) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return // the door was closed
		}
		go func() {
			defer conn.Close()
			if target, ok := l.pick(); ok {
				forward(ctx, conn.(*net.TCPConn), from, target)
			}
		}()
	}
}

const dialTimeout = 3 * time.Second

func forward(ctx context.Context, client *net.TCPConn, from netip.Addr, target netip.AddrPort) {
	dialer := net.Dialer{Timeout: dialTimeout, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	conn, err := dialer.DialContext(ctx, "tcp", target.String())
	if err != nil {
		return // as a node that finds no way
	}
	server := conn.(*net.TCPConn)
	defer server.Close()
	stop := context.AfterFunc(ctx, func() { client.Close(); server.Close() })
	defer stop()
	var both sync.WaitGroup
	for _, pair := range [][2]*net.TCPConn{{client, server}, {server, client}} {
		both.Go(func() {
			_, _ = pair[1].ReadFrom(pair[0]) // whoever hangs up ends it
			_ = pair[1].CloseWrite()
		})
	}
	both.Wait()
}
