package simulation

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// run plays one seed, and returns the first broken promise, if there is one, with the timeline.
func run(seed uint64, actions []action, plant plant) (*violation, string, error) {
	w, err := newWorld(seed, plant)
	if err != nil {
		return nil, "", err
	}
	w.actions = actions
	w.begin(w.newReplica())
	w.play()
	verdict := w.oracle.verdict()
	return verdict, w.timeline.text(), w.close()
}

// play is the scenario of a run: applications come in any order, things happen to them, and in the end all goes.
func (w *world) play() {
	for n := range 1 + w.dice.number(2, "applications") {
		w.install(n)
	}
	w.settle(5 * time.Minute)
	for n := range 2 + w.dice.number(4, "actions") {
		if w.oracle.verdict() != nil {
			return
		}
		w.act(n)
	}
	if w.settle(12 * time.Minute); w.oracle.verdict() != nil {
		return
	}
	w.leave()
}

// settle waits until every workload is complete, or for so long.
func (w *world) settle(atMost time.Duration) {
	for end := time.Now().Add(atMost); time.Now().Before(end) && w.oracle.verdict() == nil; time.Sleep(time.Second) {
		steady := true
		w.cluster.acting.Lock()
		for _, workload := range w.cluster.everyWorkload() {
			steady = steady && (workload.gone || !workload.steadyAt.IsZero() && time.Since(workload.steadyAt) > 5*time.Second)
		}
		w.cluster.acting.Unlock()
		if steady {
			return
		}
	}
}

// install makes an application: a workload, a Service and an Ingress, in any order.
func (w *world) install(n int) {
	d := w.dice
	name := fmt.Sprintf("app%d", n)
	strategy := pick(d, [][2]int{{1, 0}, {0, 1}, {1, 1}, {2, 0}}, "strategy", n)
	made := &workload{
		name: name, kind: pick(d, []string{deployment, deployment, deployment, deployment, deployment, deployment, statefulSet, statefulSet, daemonSet}, "kind", n), replicas: 2 + d.number(3, "replicas", n), surge: strategy[0], unavailable: strategy[1],
		minReady: pick(d, []time.Duration{0, 0, 5 * time.Second, 15 * time.Second}, "min ready", n), version: "v1", flaws: map[string]flaw{}, want: map[string]int{},
		labels: map[string]string{"tier": "web"},
	}
	made.hostNetwork = made.kind == daemonSet && n == 0 && d.chance(0.5, "host network", n) // there is one port 8080 on a node
	front := service(name, map[string]string{"app": name, "tier": "web"})
	if d.chance(0.2, "named port", n) {
		made.ports, front.Spec.Ports[0].TargetPort = map[string]int{"v1": 8080}, intstr.FromString("http")
	}
	grouped := d.chance(0.2, "group", n)
	at := func(what string) time.Duration {
		if d.chance(0.3, "at once", n) {
			return 0
		}
		return d.between(0, 20*time.Second, "install", what, n)
	}
	w.cluster.after(at("workload"), func() {
		w.cluster.add(made)
		made.sync(w.cluster)
	})
	w.cluster.after(at("service"), func() { w.create(front) })
	w.cluster.after(at("ingress"), func() { w.create(joining(grouped, w.ingress(name, name, "80"))) })
	if d.chance(0.3, "second", n) {
		port := pick(d, []string{"80", "admin"}, "second port", n)
		w.cluster.after(at("second"), func() { w.create(joining(grouped, w.ingress(name+"-second", name, port))) })
	}
	w.timeline.note("user", "installs %s %s: %d replicas, surge %d, unavailable %d, ready for %s", made.kind, name, made.replicas, made.surge, made.unavailable, made.minReady)
	time.Sleep(20 * time.Second)
}

// joining puts an Ingress into a group, under a host of its own.
func joining(grouped bool, o *networkingv1.Ingress) *networkingv1.Ingress {
	if grouped {
		o.Annotations[groupLabel] = "all"
		o.Spec.Rules[0].Host = o.Name + ".example.com"
	}
	return o
}

func service(name string, selector map[string]string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: name},
		Spec: corev1.ServiceSpec{Selector: selector, Ports: []corev1.ServicePort{
			{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)}, {Name: "admin", Port: 81, TargetPort: intstr.FromInt32(8081)},
		}},
	}
}

const annotation = "alb.ingress.kubernetes.io/"

func (w *world) ingress(name, service, port string) *networkingv1.Ingress {
	d := w.dice
	backend := networkingv1.ServiceBackendPort{Name: port}
	if port == "80" {
		backend = networkingv1.ServiceBackendPort{Number: 80}
	}
	return &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: name, Annotations: map[string]string{
			annotation + "scheme": "internal", annotation + "target-type": "ip", healthPath: "/healthz/" + name,
			annotation + "healthcheck-interval-seconds": pick(d, []string{"5", "10"}, "interval", name),
			annotation + "healthcheck-timeout-seconds":  "2",
			annotation + "healthy-threshold-count":      "2",
			annotation + "target-group-attributes":      "deregistration_delay.timeout_seconds=" + pick(d, []string{"15", "30", "60", "300"}, "delay", name),
		}},
		Spec: networkingv1.IngressSpec{
			IngressClassName: new("alb"),
			Rules: []networkingv1.IngressRule{{IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
				Paths: []networkingv1.HTTPIngressPath{{
					Path: "/", PathType: new(networkingv1.PathTypePrefix),
					Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: service, Port: backend}},
				}},
			}}}},
		},
	}
}

func (w *world) create(o client.Object) {
	w.timeline.note("user", "creates %s %s", kindOf(o), o.GetName())
	_ = w.kube.create(o) // the namespace may be going
}

// leave deletes everything, in one of the ways that people do, and looks for what is left.
func (w *world) leave() {
	w.timeline.note("user", "deletes everything")
	w.cluster.after(0, func() {
		for _, workload := range w.cluster.everyWorkload() {
			workload.gone = true
			w.oracle.excused(workload.name, 1000, 24*time.Hour)
			workload.sync(w.cluster)
		}
	})
	if w.dice.chance(0.5, "leave") {
		w.deleteAll("Ingress")
		time.Sleep(w.dice.between(0, 2*time.Minute, "leave"))
	}
	w.deleteAll("Namespace")
	for range 60 {
		if time.Sleep(10 * time.Second); len(w.owned()) == 0 && get[*corev1.Namespace](w.kube, "", shop) == nil {
			break
		}
	}
	w.oracle.leftOver()
}

func (w *world) deleteAll(kind string) {
	for _, o := range w.kube.all(kind) {
		if o.GetNamespace() == shop || o.GetName() == shop {
			_ = w.kube.remove(kind, keyOf(o), o.GetUID()) // it may be going already
		}
	}
}
