package diagnose

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// PreflightSnapshot is what is known of a cluster that is to change from the incumbent to Sluice.
type PreflightSnapshot struct {
	Now time.Time
	// Leases of the incumbent's name, in whatever namespace.
	Leases []coordinationv1.Lease
	// Incumbents are the incumbent's Deployments, "namespace/name".
	Incumbents []string
	// From is the Deployment whose flags were taken over; Foreign are those that Sluice does
	// not have, as they were written.
	From    string
	Foreign []string

	Mutating   []admissionregistrationv1.MutatingWebhookConfiguration
	Validating []admissionregistrationv1.ValidatingWebhookConfiguration
	// Endpoints are how many are ready, by "namespace/name" of the Service.
	Endpoints map[string]int

	CRDs     []metav1.PartialObjectMetadata
	Classes  ingress.Classes
	Bindings []v1beta1.TargetGroupBinding

	Ingresses []networkingv1.Ingress
	Services  []corev1.Service
	Gateways  []Gateway

	// Account is whom Rights are about; Rights are those that it lacks, "patch ingresses.networking.k8s.io".
	Account string
	Lacks   []string

	// Cluster and VPC are those of the flags. Subnets is how many the VPC has; Owned are the stacks
	// of that cluster's name that have anything in AWS.
	Cluster, VPC string
	Subnets      int
	Owned        []string
	// Asked: AWS has answered. Previews are those of all stacks.
	Asked    bool
	Previews []plan.Preview

	// Failed says what could not be looked up, and why.
	Failed []Failure
}

// Gateway of a class of the incumbent.
type Gateway struct {
	Namespace, Name, Class string
	Finalizers             []string
}

// Standing is how a check came out.
type Standing string

// The standings.
const (
	OK   Standing = "ok"
	Warn Standing = "warn" // to know, or to do later
	Stop Standing = "stop" // in the way
)

// Check is one line of the report.
type Check struct {
	Name     string   `json:"check"`
	Standing Standing `json:"standing"`
	What     string   `json:"what"`
	Remedy   string   `json:"remedy,omitempty"`
}

// PreflightReport says what stands in the way of the change.
type PreflightReport struct {
	Checks []Check `json:"checks"`
}

// Stopped reports whether anything is in the way.
func (r PreflightReport) Stopped() bool {
	return slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Standing == Stop })
}

// Preflight looks at all that can go wrong when Sluice takes over from the incumbent.
func Preflight(s PreflightSnapshot) PreflightReport {
	var report PreflightReport
	for _, check := range []struct {
		name  string
		look  func(PreflightSnapshot) []Check
		sound string // what to say where there is nothing to say
	}{
		{"lease", leaseChecks, "no other controller holds a Lease " + foreignLease},
		{"flags", flagChecks, "the flags of the controller are known to Sluice"},
		{"webhooks", webhookChecks, "no webhook of the incumbent can refuse a write"},
		{"kinds", kindChecks, "the custom resources are there, and no Helm release owns them"},
		{"helm", helmChecks, "no Helm release owns a class, its parameters or a TargetGroupBinding"},
		{"classes", classChecks, "every Ingress of the incumbent's has a class that Sluice serves"},
		{"services", serviceChecks, "no Service has a load balancer of the incumbent's"},
		{"gateways", gatewayChecks, "no Gateway has a load balancer of the incumbent's"},
		{"annotations", annotationChecks, "all annotations in use are served"},
		{"rights", rightChecks, "the service account " + s.Account + " may do what it must in the cluster"},
		{"aws", awsChecks, fmt.Sprintf("VPC %s has %d subnets, and what AWS has of the cluster %s could be read", s.VPC, s.Subnets, s.Cluster)},
		{"plan", planChecks, "the plan for every load balancer is empty: Sluice would change nothing in AWS"},
		{"looked", failureChecks, "everything could be looked up"},
	} {
		found := check.look(s)
		if len(found) == 0 {
			found = []Check{{Standing: OK, What: check.sound}}
		}
		for _, one := range found {
			one.Name = check.name
			report.Checks = append(report.Checks, one)
		}
	}
	return report
}

// foreignLease is the Lease of the incumbent, which Sluice takes too.
const foreignLease = "aws-load-balancer-controller-leader"

// ownNamespace is where Sluice keeps its Lease.
const ownNamespace = "kube-system"

// leaseChecks: a Lease in our own namespace keeps two controllers apart by itself.
func leaseChecks(s PreflightSnapshot) []Check {
	var checks []Check
	for _, lease := range s.Leases {
		if !alive(lease, s.Now) {
			continue
		}
		holder := *lease.Spec.HolderIdentity
		what := fmt.Sprintf("the Lease %s/%s is held by %s", lease.Namespace, lease.Name, holder)
		incumbent := slices.ContainsFunc(s.Incumbents, func(name string) bool { return strings.HasPrefix(holder, after(name)+"-") })
		switch {
		case incumbent || lease.Namespace != ownNamespace:
			checks = append(checks, Check{Standing: Stop, What: what + ": two controllers would undo each other's work, so Sluice does not start beside it", Remedy: stopIncumbent(s.Incumbents, lease.Namespace)})
		default:
			checks = append(checks, Check{Standing: Warn, What: what, Remedy: "if that is not Sluice, stop it: Sluice waits for this Lease"})
		}
	}
	return checks
}

func alive(lease coordinationv1.Lease, now time.Time) bool {
	spec := lease.Spec
	if spec.HolderIdentity == nil || *spec.HolderIdentity == "" || spec.RenewTime == nil || spec.LeaseDurationSeconds == nil {
		return false
	}
	return now.Before(spec.RenewTime.Add(time.Duration(*spec.LeaseDurationSeconds) * time.Second))
}

func stopIncumbent(incumbents []string, namespace string) string {
	if len(incumbents) == 0 {
		return "stop the controller that holds it, in the namespace " + namespace
	}
	return fmt.Sprintf("kubectl -n %s scale deployment %s --replicas=0", before(incumbents[0]), after(incumbents[0]))
}

// ControllerFlags are those of the incumbent that Sluice has too, beside those that shape load balancers.
var ControllerFlags = []string{
	"enable-leader-election", "health-probe-bind-addr", "ingress-max-concurrent-reconciles", "kubeconfig", "leader-election-id",
	"leader-election-namespace", "log-level", "metrics-bind-addr", "targetgroupbinding-max-concurrent-reconciles",
}

func flagChecks(s PreflightSnapshot) []Check {
	var checks []Check
	if s.From == "" {
		checks = append(checks, Check{Standing: Warn, What: "no Deployment of a controller was found: what is said below holds for the flags of this command", Remedy: "give the same flags to Sluice"})
	}
	for _, flag := range s.Foreign {
		name, _, _ := strings.Cut(flag, "=")
		if name == "--watch-namespace" {
			checks = append(checks, Check{Standing: Stop, What: fmt.Sprintf("Deployment %s has %s: the incumbent serves one namespace, Sluice serves all", s.From, flag), Remedy: "see with kubectl sluice plan --all what that would change"})
			continue
		}
		checks = append(checks, Check{Standing: Warn, What: fmt.Sprintf("Deployment %s has %s, which Sluice does not know", s.From, flag), Remedy: "leave it out"})
	}
	return checks
}

// Kinds without which Sluice does not run.
var neededKinds = []string{
	"ingressclassparams.elbv2.k8s.aws", "targetgroupbindings.elbv2.k8s.aws", "loadbalancers.sluice.dev", "readinessgatesets.sluice.dev",
}

func kindChecks(s PreflightSnapshot) []Check {
	if s.CRDs == nil {
		return nil
	}
	var checks []Check
	for _, name := range neededKinds {
		i := slices.IndexFunc(s.CRDs, func(crd metav1.PartialObjectMetadata) bool { return crd.Name == name })
		if i < 0 {
			checks = append(checks, Check{Standing: Stop, What: "the custom resource " + name + " is not there", Remedy: "kubectl apply --server-side -f config/crd/"})
			continue
		}
		if release := helmRelease(s.CRDs[i].Annotations); release != "" {
			checks = append(checks, Check{
				Standing: Warn, What: fmt.Sprintf("the custom resource %s belongs to the Helm release %s: helm uninstall deletes it, and every object of it", name, release),
				Remedy: forgetRelease(release),
			})
		}
	}
	return checks
}

// Annotations by which Helm marks what is its own.
const (
	helmName      = "meta.helm.sh/release-name"
	helmNamespace = "meta.helm.sh/release-namespace"
)

// helmRelease is "namespace/name" of the release that an object belongs to.
func helmRelease(annotations map[string]string) string {
	if annotations[helmName] == "" {
		return ""
	}
	return annotations[helmNamespace] + "/" + annotations[helmName]
}

// forgetRelease: what a release has is read from its record, so an annotation on the object would not help.
func forgetRelease(release string) string {
	return fmt.Sprintf("do not run helm uninstall; make Helm forget the release: kubectl -n %s delete secret -l owner=helm,name=%s", before(release), after(release))
}

func helmChecks(s PreflightSnapshot) []Check {
	owned := map[string][]string{}
	note := func(kind string, object metav1.Object) {
		if release := helmRelease(object.GetAnnotations()); release != "" {
			owned[release] = append(owned[release], model.Object{Kind: kind, Namespace: object.GetNamespace(), Name: object.GetName()}.String())
		}
	}
	for i := range s.Classes.Classes {
		if s.Classes.Classes[i].Spec.Controller == ingress.Controller {
			note("IngressClass", &s.Classes.Classes[i])
		}
	}
	for _, params := range s.Classes.Params {
		note("IngressClassParams", params)
	}
	for i := range s.Bindings {
		note("TargetGroupBinding", &s.Bindings[i])
	}
	var checks []Check
	for release, objects := range owned {
		slices.Sort(objects)
		checks = append(checks, Check{
			Standing: Warn, What: fmt.Sprintf("the Helm release %s owns %s: helm uninstall deletes them", release, some(objects)),
			Remedy: forgetRelease(release),
		})
	}
	sortChecks(checks)
	return checks
}

// classChecks: an Ingress whose class is broken is not served, and one that has lost it goes.
func classChecks(s PreflightSnapshot) []Check {
	memberships, problems := ingress.Memberships(s.Classes, s.Ingresses, s.Services)
	var checks []Check
	for _, problem := range problems {
		checks = append(checks, Check{Standing: Stop, What: fmt.Sprintf("%s: %s: %s", problem.Object, problem.Field, problem.Message), Remedy: problem.Remedy})
	}
	for _, m := range memberships {
		for _, object := range m.Leaving {
			what := "is being deleted, and its load balancer goes with it"
			if object.DeletionTimestamp == nil {
				what = "is no longer of the class or group of the stack " + m.ID.String() + ", whose finalizer it bears: what it has there goes"
			}
			checks = append(checks, Check{Standing: Warn, What: fmt.Sprintf("Ingress %s/%s %s", object.Namespace, object.Name, what), Remedy: "let the incumbent finish that first"})
		}
	}
	return checks
}

func serviceChecks(s PreflightSnapshot) []Check {
	var checks []Check
	if served := AbandonedServices(s.Services); len(served) > 0 {
		checks = append(checks, Check{
			Standing: Stop, What: fmt.Sprintf("%d Services have load balancers of the incumbent's, which Sluice does not serve: %s", len(served), some(served)),
			Remedy: "keep the incumbent for them, or start Sluice with --abandon=services: their load balancers then stay as they are, and nobody registers targets",
		})
	}
	var waiting []string
	for _, service := range s.Services {
		if service.Spec.LoadBalancerClass != nil && *service.Spec.LoadBalancerClass == "service.k8s.aws/nlb" && !slices.Contains(service.Finalizers, serviceFinalizer) {
			waiting = append(waiting, service.Namespace+"/"+service.Name)
		}
	}
	if len(waiting) > 0 {
		checks = append(checks, Check{Standing: Warn, What: "Services wait for a load balancer of the class service.k8s.aws/nlb, which Sluice does not serve: " + some(waiting)})
	}
	return checks
}

func gatewayChecks(s PreflightSnapshot) []Check {
	var checks []Check
	if served := AbandonedGateways(s.Gateways); len(served) > 0 {
		checks = append(checks, Check{
			Standing: Stop, What: fmt.Sprintf("%d Gateways have load balancers of the incumbent's, which Sluice does not serve: %s", len(served), some(served)),
			Remedy: "keep the incumbent for them, or start Sluice with --abandon=gateways: their load balancers then stay as they are, and nobody registers targets",
		})
	}
	var waiting []string
	for _, gateway := range s.Gateways {
		if !slices.ContainsFunc(gateway.Finalizers, gatewayFinalizer) {
			waiting = append(waiting, gateway.Namespace+"/"+gateway.Name)
		}
	}
	if len(waiting) > 0 {
		checks = append(checks, Check{Standing: Warn, What: "Gateways wait for a load balancer of the incumbent's classes, which Sluice does not serve: " + some(waiting)})
	}
	return checks
}

func rightChecks(s PreflightSnapshot) []Check {
	if len(s.Lacks) == 0 {
		return nil
	}
	return []Check{{Standing: Stop, What: fmt.Sprintf("%s may not %s", s.Account, some(s.Lacks)), Remedy: "kubectl apply -f config/rbac/"}}
}

// some are the first of many.
func some(list []string) string {
	const most = 5
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}

func failureChecks(s PreflightSnapshot) []Check {
	var checks []Check
	for _, failure := range s.Failed {
		checks = append(checks, Check{Standing: Stop, What: fmt.Sprintf("%s could not be read: %v", failure.What, failure.Err), Remedy: "what is said above may be incomplete; ask again with the rights to read it"})
	}
	return checks
}

func sortChecks(checks []Check) {
	slices.SortFunc(checks, func(a, b Check) int { return cmp.Compare(a.What, b.What) })
}
