package e2e

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/sluice-lb/sluice/config"
	"github.com/sluice-lb/sluice/lab"
	"github.com/sluice-lb/sluice/lab/manifest"
	"github.com/sluice-lb/sluice/lab/rights"
)

// What Sluice asked for in all labs of this run, of AWS and of the API server. At the end nothing
// may have been denied, and nothing may be allowed that no test needs: judgeRights.
var used rightsUsed

type rightsUsed struct {
	mu       sync.Mutex
	out      []lab.Dir
	calls    []rights.Call
	accesses []rights.Access
}

// leaveOut is for a lab in which somebody else acts with an account of Sluice.
func (u *rightsUsed) leaveOut(dir lab.Dir) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.out = append(u.out, dir)
}

// addFrom is add for a lab with these flags. In a bare one the test installs Sluice, changes its mode
// and takes its rights away again, while it runs: what was refused meanwhile says nothing.
func (u *rightsUsed) addFrom(dir lab.Dir, flags []string) error {
	return u.read(dir, slices.Contains(flags, "--bare"))
}

// add reads what a lab wrote down. The lab has stopped, or was killed.
func (u *rightsUsed) add(dir lab.Dir) error { return u.read(dir, false) }

func (u *rightsUsed) read(dir lab.Dir, bare bool) error {
	all, err := allRights()
	if err != nil {
		return err
	}
	var names []string
	for _, right := range all {
		names = append(names, right.Name)
	}
	calls, err := rights.ReadCalls(filepath.Join(dir.Logs(), "iam.log"))
	if err != nil {
		return err
	}
	accesses, err := rights.ReadAudit(filepath.Join(dir.Logs(), "audit.log"), names)
	if err != nil {
		return err
	}
	if bare {
		accesses = slices.DeleteFunc(accesses, func(a rights.Access) bool { return !a.Allowed })
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if slices.Contains(u.out, dir) {
		return nil
	}
	u.calls, u.accesses = append(u.calls, calls...), append(u.accesses, accesses...)
	return nil
}

// allRights are those of all accounts of Sluice.
var allRights = sync.OnceValues(func() ([]rights.Right, error) {
	objects, err := manifest.DecodeFolders(config.Files, []string{"rbac", "webhook"})
	if err != nil {
		return nil, err
	}
	modes, err := lab.AccountsOfModes()
	if err != nil {
		return nil, err
	}
	return rightsIn(append(objects, modes...))
})

// rightsIn follows the bindings from the accounts to their rules.
func rightsIn(objects []*unstructured.Unstructured) (all []rights.Right, err error) {
	rules := map[string][]rbacv1.PolicyRule{}
	for _, object := range objects {
		if kind := object.GetKind(); kind == "ClusterRole" || kind == "Role" {
			var role rbacv1.ClusterRole
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &role); err != nil {
				return nil, err
			}
			rules[kind+" "+object.GetNamespace()+"/"+object.GetName()] = role.Rules
		}
	}
	for _, object := range objects {
		if kind := object.GetKind(); kind != "ClusterRoleBinding" && kind != "RoleBinding" {
			continue
		}
		var binding rbacv1.RoleBinding
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &binding); err != nil {
			return nil, err
		}
		of := binding.RoleRef.Kind + " "
		if binding.RoleRef.Kind == "Role" {
			of += binding.Namespace
		}
		found, ok := rules[of+"/"+binding.RoleRef.Name]
		if !ok {
			return nil, fmt.Errorf("%s %s: no %s %s", object.GetKind(), binding.Name, binding.RoleRef.Kind, binding.RoleRef.Name)
		}
		for _, subject := range binding.Subjects {
			all = append(all, rights.Rights(subject.Namespace+"/"+subject.Name, binding.Namespace, found)...)
		}
	}
	return all, nil
}

// provoked are denials that a test wants to see, by how their lines begin.
var provoked = []string{
	"kube-system/sluice: get leases.coordination.k8s.io aws-load-balancer-controller-leader",    // TestALostLeaseEndsTheWritingNotTheProcess takes the right away
	"kube-system/sluice: update leases.coordination.k8s.io aws-load-balancer-controller-leader", // the same
}

// idle are lines and rights that no test needs for certain, each with the reason for which it stays.
var idle = map[string]string{
	"full: full: statement Look: action ec2:DescribeAvailabilityZones":                 "asked where a subnet is in a zone with an odd name, such as a Local Zone; the local AWS has none",
	"full: full: statement LookAtCertificates: action acm:DescribeCertificate":         "asked where a certificate has more hosts than a list holds; the local AWS lists all of them",
	"full: full: statement LookAtCertificates: resource arn:aws:acm:*:*:certificate/*": "the same",
	"kube-system/sluice-gates-only: patch events.events.k8s.io":                        "for an event that comes again and again, which in this mode no test waits for",
	"sluice-webhook/sluice-webhook: get namespaces":                                    "asked where a Pod comes before its namespace's label is in the cache, which no test can be sure of",
}

// judgeRights returns the exit code. That all is needed can be said only after all tests.
func judgeRights(passed bool) int {
	narrowed := testing.Short()
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		narrowed = narrowed || flag.Lookup(name).Value.String() != ""
	}
	complaints := deniedRights()
	if passed && !narrowed {
		complaints = append(complaints, unneededRights()...)
	}
	for _, complaint := range complaints {
		fmt.Fprintln(os.Stderr, complaint)
	}
	if len(complaints) > 0 {
		return 1
	}
	return 0
}

func deniedRights() (complaints []string) {
	for _, line := range slices.Concat(rights.DeniedCalls(used.calls), rights.DeniedAccesses(used.accesses)) {
		if !slices.ContainsFunc(provoked, func(prefix string) bool { return strings.HasPrefix(line, prefix) }) {
			complaints = append(complaints, "DENIED: "+line+": allow it (internal/iam, charts/sluice/templates/rbac), or do not ask for it")
		}
	}
	return complaints
}

func unneededRights() (complaints []string) {
	documents, err := lab.Policies()
	if err != nil {
		return []string{err.Error()}
	}
	var lines []string
	for _, who := range slices.Sorted(maps.Keys(documents)) {
		calls := slices.DeleteFunc(slices.Clone(used.calls), func(c rights.Call) bool { return c.Principal != who })
		for _, line := range rights.UnneededLines(documents[who], calls) {
			lines = append(lines, who+": "+line)
		}
	}
	all, err := allRights()
	if err != nil {
		return []string{err.Error()}
	}
	lines = append(lines, rights.UnneededRights(all, used.accesses)...)
	for _, line := range lines {
		if idle[line] == "" {
			complaints = append(complaints, "NEEDLESS: "+line+": no test fails without it; take it out, or write the test that needs it")
		}
	}
	return complaints
}
