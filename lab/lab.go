// Package lab is a Kubernetes cluster and an AWS in one process, on loopback addresses of its own,
// without Docker and without root.
//
// In go a directory and a few settings; out comes a running lab: a control plane (package cluster),
// nodes (package node), a local AWS that knows the nodes (internal/localaws), everything under
// config/ applied, and the controller as a process with its own service account's rights.
//
//	l, err := lab.Start(ctx, lab.Config{Dir: ".lab", Nodes: 3, Controller: true})
//	defer l.Stop()
//	err = l.Wait(ctx)
//
// A process has one lab in its life: parts of Kubernetes cannot be stopped, so the end of the lab
// is the end of the process. Who needs a lab for a while starts another process (package spawn).
package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/textlogger"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/lab/address"
	"github.com/sluice-lb/sluice/lab/cluster"
	"github.com/sluice-lb/sluice/lab/node"
	"github.com/sluice-lb/sluice/lab/nodeport"
	"github.com/sluice-lb/sluice/lab/program"
	"github.com/sluice-lb/sluice/lab/rights"
)

// Config says what lab to start. What it says about AWS is localaws.Config's.
type Config struct {
	Dir              string
	Nodes            int
	Controller       bool     // run the controller, or leave it to the user
	ControllerBinary string   // empty: the binary "sluice" beside our own
	ControllerFlags  []string // added to the lab's own
	ControllerEnv    []string // KEY=VALUE, for the controller and the webhook
	// Injection is what gives Pods their gates and their drain. NoInjection is for other
	// controllers: nobody else opens the gates.
	Injection Injection
	// Bare leaves out all that is Sluice's, for whoever installs it as Pods: nothing of config/ is applied and no
	// controller runs.
	Bare bool

	Speed              float64
	Profile            string
	Throttling         string
	Latency            time.Duration
	DrainingReregister string
	FirstCheckLeast    time.Duration
	FirstCheckMost     time.Duration
	Quotas             map[string]int
	PortOffset         int

	Progress func(line string) // nil for silence
}

// Lab is a running lab.
type Lab struct {
	config      Config
	dir         Dir
	lock        *os.File
	block       *address.Block
	nodes       []address.Node
	cloud       *localaws.Cloud
	cluster     *cluster.Cluster
	binary      string // of the controller
	controller  *process
	webhook     *process // nil where Injection is another
	webhookPort int
	leftover    string // a temporary directory to remove, or empty

	began  time.Time
	cancel context.CancelFunc
}

// Start returns when the lab is ready to be used. On an error nothing is left running that the end
// of the process would not end.
func Start(ctx context.Context, config Config) (*Lab, error) {
	if config.Bare {
		config.Controller, config.Injection = false, NoInjection
	}
	l := &Lab{config: config, began: time.Now()}
	// Once it runs a lab ends by Stop alone, in an order of its own; until then the caller's context ends it.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.cancel = cancel
	leave := context.AfterFunc(ctx, cancel)
	err := l.start(running)
	if !leave() { // the context ended while we started
		err = cmp.Or(err, ctx.Err())
	}
	if err != nil {
		l.Stop()
		return nil, err
	}
	return l, nil
}

func (l *Lab) start(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		l.claim, l.findController, l.startCloud, l.startCluster, l.applyConfig, l.startNodes, l.waitNodes, l.startNodePorts, l.startInjection, l.startController,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return l.dir.write(l.dir.Ready(), time.Now().Format(time.RFC3339)+"\n")
}

// Dir is where the lab's files are.
func (l *Lab) Dir() Dir { return l.dir }

// Admin is a client configuration with all rights.
func (l *Lab) Admin() *rest.Config { return rest.CopyConfig(l.cluster.Admin) }

// Wait returns when the context ends, with nil, or when a part of the lab ended by itself.
func (l *Lab) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-l.cluster.Ended:
		return fmt.Errorf("%w; see %s", err, l.dir.Logs())
	}
}

// Stop ends our processes first, so that they see the world whole until their end. The control plane
// and the kubelets end with the process; nothing that they have on disk is kept.
func (l *Lab) Stop() {
	if l.dir != "" {
		os.Remove(l.dir.Ready()) // Find looks at the lock too
	}
	for _, process := range []*process{l.controller, l.webhook} {
		if process != nil {
			process.stop()
		}
	}
	l.cancel()
	if l.cloud != nil {
		if err := l.cloud.Close(); err != nil {
			l.say("stopping AWS: %v", err)
		}
	}
	if l.block != nil {
		l.block.Release()
	}
	if l.leftover != "" {
		os.RemoveAll(l.leftover)
	}
	if l.lock != nil {
		l.lock.Close()
	}
	klog.Flush()
}

func (l *Lab) claim(context.Context) error {
	var err error
	if l.dir, l.lock, err = occupy(l.config.Dir); err != nil {
		return err
	}
	if l.block, err = address.Claim(); err != nil {
		return err
	}
	if l.nodes, err = l.block.Nodes(l.config.Nodes); err != nil {
		return err
	}
	file, err := l.openLog("kubernetes")
	if err != nil {
		return err
	}
	klog.SetLogger(textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(file))))
	log.SetOutput(file) // where HTTP servers complain
	l.say("addresses are %s", l.block.Prefix)
	return nil
}

// findController comes early: it is the likeliest thing to be missing.
func (l *Lab) findController(context.Context) error {
	var err error
	l.binary, err = findController(l.config.ControllerBinary)
	if !l.config.Controller && l.config.Injection != ByWebhook && !l.config.Bare {
		return nil // then it is for DIR/controller.sh alone
	}
	return err
}

func (l *Lab) openLog(name string) (*os.File, error) {
	return os.OpenFile(l.dir.log(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

func (l *Lab) startCloud(ctx context.Context) error {
	file, err := l.openLog("aws")
	if err != nil {
		return err
	}
	decisions, err := l.openLog("iam")
	if err != nil {
		return err
	}
	principals, err := principals()
	if err != nil {
		return err
	}
	c := l.config
	l.cloud, err = localaws.Start(ctx, localaws.Config{
		Listen: l.block.Control().String() + ":0", Region: region, AccountID: accountID,
		Addresses: l.block.LoadBalancers(), PortOffset: c.PortOffset,
		Throttling: c.Throttling, Latency: c.Latency, DrainingReregister: c.DrainingReregister,
		FirstCheckLeast: c.FirstCheckLeast, FirstCheckMost: c.FirstCheckMost,
		Quotas: c.Quotas, Speed: c.Speed, Profile: c.Profile, Random: uint64(time.Now().UnixNano()),
		Principals: principals, Decided: rights.NewRecorder(decisions).Note,
		Log: slog.New(slog.NewTextHandler(file, nil)),
	})
	if err != nil {
		return fmt.Errorf("starting AWS: %w", err)
	}
	if err := l.cloud.Seed(seed(l.block, l.nodes)); err != nil {
		return fmt.Errorf("seeding AWS: %w", err)
	}
	l.say("AWS answers at %s", l.cloud.URL())
	return errors.Join(l.dir.write(l.dir.AWSEnv(), awsEnv(l.cloud.URL(), vpcID(l.block))), l.dir.write(l.dir.endpoint(), l.cloud.URL()+"\n"))
}

func (l *Lab) startCluster(ctx context.Context) error {
	var err error
	l.cluster, err = cluster.Start(ctx, cluster.Config{
		Address: l.block.Control(), Dir: l.dir.state(), LogDir: l.dir.Logs(), Kubeconfig: l.dir.Kubeconfig(),
	})
	if err != nil {
		return err
	}
	l.say("Kubernetes %s answers at %s", cluster.Version, l.cluster.URL)
	return nil
}

func (l *Lab) startNodes(ctx context.Context) error {
	state, remove, err := shortcut(l.dir.state())
	l.leftover = remove
	if err != nil {
		return fmt.Errorf("linking to the lab's state: %w", err)
	}
	host := program.Host{Sluice: l.binary, APIServer: l.cluster.URL, Env: l.controllerEnvironment}
	for i, share := range l.nodes {
		credentials, err := l.cluster.NodeCredentials(nodeName(i))
		if err != nil {
			return err
		}
		err = node.Start(ctx, node.Config{
			Name: nodeName(i), Zone: zoneName(share.Zone), Region: region, ProviderID: providerID(l.block, i, share.Zone),
			Address: share.Address, Pods: share.Pods, Host: host, Dir: filepath.Join(state, nodeName(i)),
			ClientCAFile: l.cluster.CAFile(), Kubelet: credentials, Admin: l.cluster.Admin,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// startNodePorts comes after the nodes, whose addresses it answers at.
func (l *Lab) startNodePorts(ctx context.Context) error {
	file, err := l.openLog("nodeports")
	if err != nil {
		return err
	}
	nodes := map[string]netip.Addr{}
	for i, share := range l.nodes {
		nodes[nodeName(i)] = share.Address
	}
	return nodeport.Start(ctx, nodeport.Config{Cluster: l.cluster.Admin, Nodes: nodes, Log: slog.New(slog.NewTextHandler(file, nil))})
}

func (l *Lab) startController(ctx context.Context) error {
	if l.config.Bare {
		return nil
	}
	if err := l.writeAccounts(ctx); err != nil {
		return err
	}
	controller, err := newController(l)
	if err != nil {
		return err
	}
	if err := os.WriteFile(l.dir.ControllerScript(), []byte(controllerScript(l.dir, controller.command, l.config.ControllerEnv)), 0o755); err != nil {
		return err
	}
	if !l.config.Controller {
		return nil
	}
	l.controller = controller
	controller.start(ctx)
	if err := controller.waitReady(ctx); err != nil {
		return err
	}
	l.say("the controller is ready")
	return nil
}

func (l *Lab) say(format string, args ...any) {
	if l.config.Progress != nil {
		l.config.Progress(fmt.Sprintf("%5.1fs  ", time.Since(l.began).Seconds()) + fmt.Sprintf(format, args...))
	}
}
