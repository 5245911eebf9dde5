package cluster

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apiserver/pkg/util/compatibility"
	cliflag "k8s.io/component-base/cli/flag"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	apiserveroptions "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	controllermanageroptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	scheduleroptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

// controllers are those that Pods, their owners and their Services need. The legacy Endpoints
// controller is not among them: its objects refuse loopback addresses too.
var controllers = []string{
	"deployment-controller", "replicaset-controller", "statefulset-controller", "daemonset-controller", "job-controller", "cronjob-controller",
	"endpointslice-controller", "garbage-collector-controller", "namespace-controller", "disruption-controller",
	"serviceaccount-controller", "serviceaccount-token-controller", "root-ca-certificate-publisher-controller", "clusterrole-aggregation-controller",
	"pod-garbage-collector-controller", "node-lifecycle-controller", "taint-eviction-controller", "ttl-after-finished-controller",
	"horizontal-pod-autoscaler-controller", "resourcequota-controller",
}

// components are the three parts of the control plane, in this process and without their cobra
// commands, which would take over signals, flags and logs. All options are read into one registry
// of feature gates before anything runs.
type components struct {
	apiserver         *apiserveroptions.ServerRunOptions
	controllerManager *controllermanageroptions.KubeControllerManagerOptions
	scheduler         *scheduleroptions.Options
}

type arguments struct{ apiserver, controllerManager, scheduler []string }

func configure(args arguments) (components, error) {
	allowLoopbackSlices()
	manager, err := controllermanageroptions.NewKubeControllerManagerOptions()
	if err != nil {
		return components{}, err
	}
	c := components{apiserver: apiserveroptions.NewServerRunOptions(), controllerManager: manager, scheduler: scheduleroptions.NewOptions()}
	known, disabled, aliases := controllermanager.KnownControllers(), controllermanager.ControllersDisabledByDefault(), controllermanager.ControllerAliases()
	for _, one := range []struct {
		name  string
		flags cliflag.NamedFlagSets
		args  []string
	}{
		{"kube-apiserver", c.apiserver.Flags(), args.apiserver},
		{"kube-controller-manager", manager.Flags(known, disabled, aliases), args.controllerManager},
		{"kube-scheduler", *c.scheduler.Flags, args.scheduler},
	} {
		all := pflag.NewFlagSet(one.name, pflag.ContinueOnError)
		for _, set := range one.flags.FlagSets {
			all.AddFlagSet(set)
		}
		if err := all.Parse(one.args); err != nil {
			return components{}, fmt.Errorf("options of %s: %w", one.name, err)
		}
	}
	return c, compatibility.DefaultComponentGlobalsRegistry.Set()
}

func (c components) runAPIServer(ctx context.Context) error {
	options, err := c.apiserver.Complete(ctx)
	if err != nil {
		return err
	}
	if problems := options.Validate(); len(problems) > 0 {
		return problems[0]
	}
	return apiserver.Run(ctx, options)
}

func (c components) runControllerManager(ctx context.Context) error {
	config, err := c.controllerManager.Config(ctx, controllermanager.KnownControllers(), controllermanager.ControllersDisabledByDefault(), controllermanager.ControllerAliases())
	if err != nil {
		return err
	}
	return controllermanager.Run(ctx, config.Complete())
}

func (c components) runScheduler(ctx context.Context) error {
	config, scheduling, err := scheduler.Setup(ctx, c.scheduler)
	if err != nil {
		return err
	}
	return scheduler.Run(ctx, config, scheduling)
}

// arguments are the flags of the three; those not obvious have their reason beside them.
func (c *Cluster) arguments(etcd string, ports ports) arguments {
	a := c.authority
	addr := c.config.Address.String()
	port := func(n int) string { return "--secure-port=" + strconv.Itoa(n) }
	server := []string{
		"--etcd-servers=" + etcd, "--bind-address=" + addr, "--advertise-address=" + addr, port(ports.apiserver),
		"--endpoint-reconciler-type=none", // it would write a loopback address into Endpoints
		"--cert-dir=" + a.dir, "--tls-cert-file=" + a.certFile("apiserver"), "--tls-private-key-file=" + a.keyFile("apiserver"), "--client-ca-file=" + a.certFile("ca"),
		"--kubelet-client-certificate=" + a.certFile("kubelet-client"), "--kubelet-client-key=" + a.keyFile("kubelet-client"), "--kubelet-preferred-address-types=InternalIP",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + a.keyFile("service-accounts"), "--service-account-signing-key-file=" + a.keyFile("service-accounts"),
		"--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
		"--runtime-config=discovery.k8s.io/v1=false", // see loopbackSlices
		// Without a front proxy's CA the other two log about its absence for ever.
		"--requestheader-client-ca-file=" + a.certFile("ca"), "--requestheader-allowed-names=front-proxy", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-group-headers=X-Remote-Group", "--requestheader-username-headers=X-Remote-User",
		"--proxy-client-cert-file=" + a.certFile("front-proxy"), "--proxy-client-key-file=" + a.keyFile("front-proxy"),
		"--enable-aggregator-routing=true", // webhooks that name a Service go to its Pods; there is no kube-proxy
		"--profiling=false",
	}
	client := func(name string) []string {
		file := c.kubeconfigFile(name)
		return []string{
			"--kubeconfig=" + file, "--authentication-kubeconfig=" + file, "--authorization-kubeconfig=" + file,
			"--leader-elect=false", "--bind-address=" + addr, "--cert-dir=" + a.dir, "--kube-api-qps=200", "--kube-api-burst=400", "--profiling=false",
		}
	}
	manager := append(client("controller-manager"), port(ports.controllerManager),
		"--controllers="+strings.Join(controllers, ","), "--use-service-account-credentials=false",
		"--service-account-private-key-file="+a.keyFile("service-accounts"), "--root-ca-file="+a.certFile("ca"),
		// These make a controller wait for its own writes to come back; with them 400 new Pods take 72 s in place of 15.
		"--feature-gates=StaleControllerConsistencyReplicaSet=false,StaleControllerConsistencyDaemonSet=false,StaleControllerConsistencyJob=false,"+
			"StaleControllerConsistencyStatefulSet=false,StaleControllerConsistencyHPA=false",
	)
	return arguments{apiserver: server, controllerManager: manager, scheduler: append(client("scheduler"), port(ports.scheduler))}
}
