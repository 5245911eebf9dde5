package rights

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// Access is a request to the API server, without names of objects that no rule names.
type Access struct {
	Account         string // namespace/name of a service account
	Verb            string
	Group, Resource string // the resource with its subresource: pods/status
	Namespace, Name string
	Allowed         bool
}

// ReadAudit reads the log of an API server, each kind of request once, and leaves out what no role has to say about: what is
// not an object, and what every account may do. Names are kept where they are among the given.
func ReadAudit(file string, names []string) ([]Access, error) {
	found := map[Access]bool{}
	err := read(file, func(e event) {
		account, isAccount := strings.CutPrefix(e.User.Username, "system:serviceaccount:")
		if !isAccount || e.Object.Resource == "" || e.Object.Group == "authorization.k8s.io" || e.Object.Group == "authentication.k8s.io" {
			return
		}
		a := Access{
			Account: strings.Replace(account, ":", "/", 1), Verb: e.Verb, Group: e.Object.Group, Resource: e.Object.Resource,
			Namespace: e.Object.Namespace, Allowed: e.Annotations["authorization.k8s.io/decision"] == "allow",
		}
		if e.Object.Subresource != "" {
			a.Resource += "/" + e.Object.Subresource
		}
		if slices.Contains(names, e.Object.Name) {
			a.Name = e.Object.Name
		}
		found[a] = true
	})
	return slices.SortedFunc(maps.Keys(found), compareAccess), err
}

// event is what is read of an audit event.
type event struct {
	Verb string `json:"verb"`
	User struct {
		Username string `json:"username"`
	} `json:"user"`
	Object struct {
		Group       string `json:"apiGroup"`
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
	} `json:"objectRef"`
	Annotations map[string]string `json:"annotations"`
}

func compareAccess(a, b Access) int {
	return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.Group, b.Group), strings.Compare(a.Resource, b.Resource),
		strings.Compare(a.Verb, b.Verb), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}

// Right is the smallest part of a role: one verb of one resource, for one account.
type Right struct {
	Account         string
	Verb            string
	Group, Resource string
	Namespace, Name string // empty for all
}

func (r Right) String() string {
	text := fmt.Sprintf("%s: %s %s", r.Account, r.Verb, r.Resource)
	if r.Group != "" {
		text += "." + r.Group
	}
	if r.Name != "" {
		text += " " + r.Name
	}
	if r.Namespace != "" {
		text += " in " + r.Namespace
	}
	return text
}

// allows says whether the right is one to this access.
func (r Right) allows(a Access) bool {
	return r.Account == a.Account && r.Verb == a.Verb && r.Group == a.Group && r.Resource == a.Resource &&
		(r.Namespace == "" || r.Namespace == a.Namespace) && (r.Name == "" || r.Name == a.Name)
}

// Rights takes the rules of an account apart. The namespace is that of a Role; empty for a ClusterRole.
func Rights(account, namespace string, rules []rbacv1.PolicyRule) (rights []Right) {
	for _, rule := range rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					for _, name := range names {
						rights = append(rights, Right{Account: account, Verb: verb, Group: group, Resource: resource, Namespace: namespace, Name: name})
					}
				}
			}
		}
	}
	return rights
}

// DeniedAccesses are those that the API server refused, as lines for people.
func DeniedAccesses(accesses []Access) (lines []string) {
	for _, a := range accesses {
		if !a.Allowed {
			lines = append(lines, Right{Account: a.Account, Verb: a.Verb, Group: a.Group, Resource: a.Resource, Namespace: a.Namespace, Name: a.Name}.String())
		}
	}
	return sorted(lines)
}

// UnneededRights are those without which every access would be allowed still: nobody used them, or another allows the same.
func UnneededRights(rights []Right, accesses []Access) (lines []string) {
	for _, right := range rights {
		needed := slices.ContainsFunc(accesses, func(a Access) bool {
			return right.allows(a) && !slices.ContainsFunc(rights, func(other Right) bool { return other != right && other.allows(a) })
		})
		if !needed {
			lines = append(lines, right.String())
		}
	}
	return sorted(lines)
}
