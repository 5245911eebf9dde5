package simulation

import (
	"context"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/config"
	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/controller"
	"github.com/sluice-lb/sluice/internal/localaws"
)

// world is all of one run.
type world struct {
	dice     dice
	plant    plant
	timeline *timeline
	kube     *kube
	cluster  *cluster
	aws      *localaws.Cloud
	link     *link
	oracle   *oracle
	actions  []action
	foreign  string // a target group that has nothing to do with the cluster

	leader   *replica
	born     int // replicas that there have been
	mu       sync.Mutex
	slow     map[string]time.Duration // by kind: how far informers lag now
	rough    float64                  // chance that a write to the API server fails now
	writes   map[string]int
	memories map[string]*memory // of planted bugs, by target group
	trouble  time.Time          // until when something is wrong that a promise does not cover
}

const (
	vpc     = "vpc-0123456789abcdef0"
	nodesID = "sg-0123456789abcdef0"
	lease   = "aws-load-balancer-controller-leader"
	// leaseDuration is how long a lease counts whose holder has died.
	leaseDuration = 5 * time.Second
	shopName      = "sim"
)

// settings of what is built.
var settings = build.Config{Cluster: shopName, DefaultScheme: "internal", DefaultTargetType: "ip"}

// reregistrations are the ways in which AWS takes the registration of a draining address.
var reregistrations = []string{"ignored", "error"}

// newWorld is a cluster with nodes and no application, and a controller that runs.
func newWorld(seed uint64, plant plant) (*world, error) {
	w := &world{dice: dice(seed), plant: plant, timeline: newTimeline(), kube: newKube(), memories: map[string]*memory{}, slow: map[string]time.Duration{}, writes: map[string]int{}}
	w.plant.world = w
	w.kube.admit = admit(w.kube)
	w.cluster = newCluster(w.kube, w.dice, w.timeline)
	var err error
	w.aws, err = localaws.Start(context.Background(), localaws.Config{
		Offline: true, Probe: w.cluster.kubelet.probe, Random: seed, DrainingReregister: pick(w.dice, reregistrations, "re-register"),
	})
	if err != nil {
		return nil, err
	}
	if err := w.aws.Seed(network()); err != nil {
		return nil, err
	}
	w.link = &link{world: w}
	w.oracle = newOracle(w)
	w.foreign = arnPattern.FindStringSubmatch(
		w.byHand(elbv2Version, "CreateTargetGroup", "Name", "foreign", "Protocol", "HTTP", "Port", "80", "VpcId", vpc, "TargetType", "ip"))[1]
	w.oracle.disown(w.owned()...)
	policies, err := injection()
	if err != nil {
		return nil, err
	}
	for _, o := range append(infrastructure(), policies...) {
		if err := w.kube.create(o); err != nil {
			return nil, err
		}
	}
	for range nodeCount {
		w.cluster.kubelet.join()
	}
	return w, nil
}

func network() localaws.Seed {
	owned := "kubernetes.io/cluster/" + shopName
	s := localaws.Seed{
		VPCs:           []localaws.VPC{{ID: vpc, CIDR: "10.0.0.0/16"}},
		SecurityGroups: []localaws.SecurityGroup{{ID: nodesID, VPCID: vpc, Name: "nodes", Tags: map[string]string{owned: "owned"}}},
	}
	for i := range zoneCount {
		s.Subnets = append(s.Subnets, localaws.Subnet{
			ID: subnet(i), VPCID: vpc, CIDR: fmt.Sprintf("10.0.%d.0/24", i+1), Zone: "us-west-2" + string(rune('a'+i)),
			Tags: map[string]string{"kubernetes.io/role/internal-elb": "1", owned: "shared"},
		})
	}
	for i := range instances {
		s.Instances = append(s.Instances, localaws.Instance{
			ID: instance(i), SubnetID: subnet(i), PrivateIP: hostAddress(i), SecurityGroups: []string{nodesID},
			Prefixes: []string{fmt.Sprintf("%s%d/28", prefix(i), block(i))}, Tags: map[string]string{owned: "owned"},
		})
	}
	return s
}

// subnet is the one of an instance.
func subnet(i int) string { return fmt.Sprintf("subnet-0123456789abcde%02d", i%zoneCount) }

func infrastructure() []client.Object {
	return []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system"}},
		&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "targetgroupbindings.elbv2.k8s.aws"}}, // the CRD
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: shop, Labels: map[string]string{injectLabel: "enabled", drainLabel: "auto"}}},
		&networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: "alb"}, Spec: networkingv1.IngressClassSpec{Controller: ingress.Controller}},
		&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: lease}, Spec: coordinationv1.LeaseSpec{LeaseTransitions: new(int32(0))}},
	}
}

// injection is what has Pods get their gates.
func injection() (all []client.Object, err error) {
	policies, err := config.Policies()
	if err != nil {
		return nil, err
	}
	bindings, err := config.Bindings()
	for i := range policies {
		all = append(all, &policies[i])
	}
	for i := range bindings {
		all = append(all, &bindings[i])
	}
	return all, err
}

// newReplica starts a process, and returns when its caches are full.
func (w *world) newReplica() *replica {
	w.born++
	next := startReplica(w, fmt.Sprintf("sluice-%d", w.born))
	time.Sleep(w.dice.between(300*time.Millisecond, 1500*time.Millisecond, "caches", w.born))
	return next
}

// begin lets a replica lead.
func (w *world) begin(next *replica) {
	if err := w.elect(next); err != nil {
		panic(err)
	}
}

// elect gives the lease to a replica.
func (w *world) elect(next *replica) error {
	edit(w.kube, "kube-system", lease, false, func(l *coordinationv1.Lease) {
		if l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity != next.name {
			l.Spec.HolderIdentity, l.Spec.LeaseTransitions = new(next.name), new(*l.Spec.LeaseTransitions+1)
		}
	})
	aws, err := cloud.New(context.Background(), cloud.Config{
		Cluster: shopName, Region: "us-west-2", VPC: vpc, BudgetShare: 0.5, Endpoint: "http://aws.invalid", HTTPClient: w.link,
	})
	if err != nil {
		return err
	}
	w.timeline.note("lease", "%s leads", next.name)
	w.leader = next
	return next.lead(controller.Config{
		Mode:         controller.Full,
		Build:        settings,
		IngressClass: "alb", UnreadyGrace: 10 * time.Second, BrakeDeletions: 20, BrakeTargets: 0.5, ClaimDeadline: 10 * time.Minute, HealthSampleInterval: 5 * time.Minute,
		Lease: types.NamespacedName{Namespace: "kube-system", Name: lease}, IngressWorkers: 3, BindingWorkers: 3,
	}, aws)
}

// kill ends the leader.
func (w *world) kill() {
	w.timeline.note("lease", "%s dies", w.leader.name)
	w.leader.die()
}

// close ends everything, so that no goroutine is left.
func (w *world) close() error {
	w.oracle.close()
	w.leader.die()
	w.cluster.close()
	return w.aws.Close()
}

// lag is how long a change is on its way to an informer.
func (w *world) lag(c change) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.slow[c.kind] + w.dice.between(time.Millisecond, 50*time.Millisecond, "lag", c.kind, c.object().GetName(), c.object().GetResourceVersion())
}

// network is how a write to the API server goes.
func (w *world) network(verb string, o client.Object) (there, back time.Duration, failure error) {
	if kindOf(o) == "Lease" {
		return 0, 0, nil // it is written under a lock, and virtual time stands still while somebody waits for one
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	name := verb + kindOf(o) + keyOf(o).String()
	w.writes[name]++
	if w.dice.chance(w.rough, "rough", name, w.writes[name]) {
		failure = errAPIServer
	}
	return w.dice.between(time.Millisecond, 10*time.Millisecond, "there", name, w.writes[name]), w.dice.between(time.Millisecond, 10*time.Millisecond, "back", name, w.writes[name]), failure
}

// tolerance is how far behind the controller may be without fault of its own.
func (w *world) tolerance() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	tolerance := time.Second
	for _, lag := range w.slow {
		tolerance = max(tolerance, time.Second+lag)
	}
	return tolerance
}

// troubled notes that something is wrong from now on for a while.
func (w *world) troubled(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if until := time.Now().Add(d); until.After(w.trouble) {
		w.trouble = until
	}
}

// calmFor reports whether nothing has been wrong for a while.
func (w *world) calmFor(d time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Since(w.trouble) > d
}

// memoryOf is what a planted bug remembers of a target group. The caller holds the lock.
func (w *world) memoryOf(group string) *memory {
	if w.memories[group] == nil {
		w.memories[group] = &memory{}
	}
	return w.memories[group]
}
