package controller

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/model"
)

// records keeps the LoadBalancer object of each stack: what people see of it, and what
// the controller remembers over a restart.
type records struct {
	*view
	client client.Client
	// epoch of leadership that records are written in; see epoch.go.
	epoch func(context.Context) string

	mu sync.Mutex
	// latest are the objects as they were written last: nobody else writes them, and the
	// cache is behind.
	latest map[string]*v1alpha1.LoadBalancer
	// made are the names of those that were made, whether or not the cache shows them yet.
	made map[string]bool
}

// recordName is the name of a stack's object. The prefixes keep namespaces and groups apart.
func recordName(id model.StackID) string {
	if id.Namespace == "" {
		return "ingress-group." + id.Name
	}
	return "ingress." + id.Namespace + "." + id.Name
}

// stackOfRecord is the stack whose object has this name.
func stackOfRecord(name string) (model.StackID, bool) {
	if group, ok := strings.CutPrefix(name, "ingress-group."); ok {
		return model.StackID{Name: group}, true
	}
	name, ok := strings.CutPrefix(name, "ingress.")
	namespace, name, two := strings.Cut(name, ".") // a namespace has no dot
	return model.StackID{Namespace: namespace, Name: name}, ok && two
}

func sourceOf(id model.StackID) string {
	if id.Namespace == "" {
		return "IngressGroup " + id.Name
	}
	return "Ingress " + id.String()
}

// digest of a model: equal models have equal digests.
func digest(stack model.Stack) string {
	text, err := json.Marshal(stack)
	if err != nil {
		panic("a stack is plain data and always marshals: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// believed is what the record says that AWS has, if it may be believed: it was written
// after the last change, for this very model, in an epoch of leadership that goes on.
func (r *records) believed(ctx context.Context, want model.Stack) (map[model.Key]string, bool) {
	var object v1alpha1.LoadBalancer
	if r.Get(ctx, types.NamespacedName{Name: recordName(want.ID)}, &object) != nil || object.Status.Applied == nil {
		return nil, false
	}
	applied := object.Status.Applied
	if applied.Dirty || applied.Epoch != r.epoch(ctx) || applied.Model != digest(want) {
		return nil, false
	}
	ids := map[model.Key]string{}
	for key, id := range applied.IDs {
		ids[model.Key(key)] = id
	}
	return ids, true
}

// unconfirm forgets that somebody has said so: the load balancer stays.
func (r *records) unconfirm(ctx context.Context, id model.StackID) error {
	var object v1alpha1.LoadBalancer
	if err := r.Get(ctx, types.NamespacedName{Name: recordName(id)}, &object); err != nil {
		return client.IgnoreNotFound(err)
	}
	if !confirmed(&object, confirmDeletion) {
		return nil
	}
	r.mu.Lock()
	delete(r.latest, object.Name) // it is about to change
	r.mu.Unlock()
	return unconfirm(ctx, r.client, &object, confirmDeletion)
}

// confirmed reports whether somebody has said that the load balancer may go.
func (r *records) confirmed(ctx context.Context, id model.StackID) bool {
	var object v1alpha1.LoadBalancer
	return r.Get(ctx, types.NamespacedName{Name: recordName(id)}, &object) == nil && confirmed(&object, confirmDeletion)
}

// begin notes that a change begins.
func (r *records) begin(ctx context.Context, id model.StackID) error {
	return r.write(ctx, id, func(status *v1alpha1.LoadBalancerStatus) { status.Applied = &v1alpha1.Applied{Dirty: true} })
}

// done notes that a stack is as it should be.
func (r *records) done(ctx context.Context, want model.Stack, have model.Observed) error {
	ids := map[string]string{}
	for key, id := range have.IDs {
		ids[string(key)] = id
	}
	return r.write(ctx, want.ID, func(status *v1alpha1.LoadBalancerStatus) {
		status.Applied = &v1alpha1.Applied{Epoch: r.epoch(ctx), Model: digest(want), IDs: ids}
		status.State = cmp.Or(status.State, "provisioning")
		status.DNSName, status.Scheme, status.Type = have.DNSName, string(want.LoadBalancer.Scheme), "application"
		status.Hosts, status.LastError = hosts(want), ""
		condition(status, v1alpha1.ConditionProgrammed, metav1.ConditionTrue, "Applied", "AWS has what was asked for")
	})
}

// reasonSwitching is that of a condition which is not met because it is being waited for.
const reasonSwitching = "Switching"

// switching notes that target groups are waited for before they get requests.
func (r *records) switching(ctx context.Context, id model.StackID, groups []model.Key) error {
	var names []string
	for _, key := range groups {
		names = append(names, key.Resource())
	}
	return r.write(ctx, id, func(status *v1alpha1.LoadBalancerStatus) {
		condition(status, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, reasonSwitching,
			"requests go where they went before until these target groups are healthy: "+strings.Join(names, ", "))
	})
}

// failed notes what is in the way.
func (r *records) failed(ctx context.Context, id model.StackID, reason string, err error) error {
	return r.write(ctx, id, func(status *v1alpha1.LoadBalancerStatus) {
		status.LastError = err.Error()
		condition(status, v1alpha1.ConditionProgrammed, metav1.ConditionFalse, reason, err.Error())
	})
}

// accepted notes which members are left out, and why.
func (r *records) accepted(ctx context.Context, id model.StackID, problems []model.Problem) error {
	problems = slices.DeleteFunc(slices.Clone(problems), func(p model.Problem) bool { return p.Warning })
	return r.write(ctx, id, func(status *v1alpha1.LoadBalancerStatus) {
		if len(problems) == 0 {
			condition(status, v1alpha1.ConditionAccepted, metav1.ConditionTrue, "Accepted", "everything that was asked for can be built")
			return
		}
		condition(status, v1alpha1.ConditionAccepted, metav1.ConditionFalse, problems[0].Reason, problems[0].String())
	})
}

// removeUnused removes the object of a stack whose Ingress went before it had anything.
func (r *records) removeUnused(ctx context.Context, id model.StackID) error {
	r.mu.Lock()
	made := r.made[recordName(id)]
	r.mu.Unlock()
	var object v1alpha1.LoadBalancer
	if err := r.Get(ctx, types.NamespacedName{Name: recordName(id)}, &object); err != nil && !made {
		return client.IgnoreNotFound(err)
	}
	return r.remove(ctx, id)
}

// remove forgets a stack.
func (r *records) remove(ctx context.Context, id model.StackID) error {
	object := &v1alpha1.LoadBalancer{ObjectMeta: metav1.ObjectMeta{Name: recordName(id)}}
	r.mu.Lock()
	delete(r.latest, object.Name)
	r.mu.Unlock()
	if err := client.IgnoreNotFound(r.client.Delete(ctx, object)); err != nil {
		return fmt.Errorf("deleting LoadBalancer %s: %w", object.Name, err)
	}
	stackTroubles.set(id.String())
	r.mu.Lock()
	delete(r.made, object.Name)
	r.mu.Unlock()
	return nil
}

func condition(status *v1alpha1.LoadBalancerStatus, kind string, value metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&status.Conditions, metav1.Condition{Type: kind, Status: value, Reason: reason, Message: message})
}

// write changes the status of a stack's object, making the object first where there is
// none; an unchanged status is not written.
func (r *records) write(ctx context.Context, id model.StackID, change func(*v1alpha1.LoadBalancerStatus)) error {
	object, err := r.object(ctx, recordName(id))
	if err != nil {
		return fmt.Errorf("writing LoadBalancer %s: %w", recordName(id), err)
	}
	before := object.DeepCopy()
	object.Status.Source = sourceOf(id)
	change(&object.Status)
	stackTroubles.set(id.String(), failures(object.Status.Conditions)...)
	if equality.Semantic.DeepEqual(before.Status, object.Status) {
		return nil
	}
	err = r.client.Status().Patch(ctx, object, client.MergeFrom(before))
	r.keep(object, err)
	if err != nil {
		return fmt.Errorf("writing the status of LoadBalancer %s: %w", object.Name, err)
	}
	return nil
}

// object is a copy of a stack's object, made where there is none.
func (r *records) object(ctx context.Context, name string) (*v1alpha1.LoadBalancer, error) {
	r.mu.Lock()
	known := r.latest[name]
	r.mu.Unlock()
	if known != nil {
		return known.DeepCopy(), nil
	}
	object := &v1alpha1.LoadBalancer{ObjectMeta: metav1.ObjectMeta{Name: name}}
	err := r.Get(ctx, client.ObjectKeyFromObject(object), object)
	if apierrors.IsNotFound(err) {
		if err = r.client.Create(ctx, object); err == nil {
			r.mu.Lock()
			r.made[name] = true
			r.mu.Unlock()
		}
	}
	return object, err
}

// keep remembers what was written; after an error the cache is asked again.
func (r *records) keep(object *v1alpha1.LoadBalancer, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		delete(r.latest, object.Name)
		return
	}
	r.latest[object.Name] = object.DeepCopy()
}

// hosts that have rules, each once, in order.
func hosts(stack model.Stack) []string {
	seen := map[string]bool{}
	var out []string
	for _, rule := range stack.Rules {
		named := []string{"*"}
		for _, condition := range rule.Conditions {
			if condition.Field == "host-header" {
				named = condition.Values
			}
		}
		for _, host := range named {
			if !seen[host] {
				seen[host] = true
				out = append(out, host)
			}
		}
	}
	slices.Sort(out)
	return out
}
