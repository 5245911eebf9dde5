package simulation

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	jsonpatch "github.com/evanphx/json-patch/v5"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// kube is the API server: objects with resource versions, conflicts, finalizers, graceful deletion and
// the status as a part of its own. Objects in it never change: a write puts another one in its place.
type kube struct {
	// admit changes an object that is about to be created.
	admit func(client.Object)

	mu      sync.Mutex
	version int
	objects map[string]map[types.NamespacedName]client.Object // by kind
	hooks   []func(change)                                    // called under the lock: they may schedule and note, not call
}

// change is an object before and after a write; nil where there was or is none.
type change struct {
	kind          string
	at            time.Time
	before, after client.Object
}

// object is the one that the change is about.
func (c change) object() client.Object {
	if c.after != nil {
		return c.after
	}
	return c.before
}

func newKube() *kube { return &kube{objects: map[string]map[types.NamespacedName]client.Object{}} }

func kindOf(o any) string { return reflect.TypeOf(o).Elem().Name() }

func keyOf(o client.Object) types.NamespacedName { return client.ObjectKeyFromObject(o) }

func now() metav1.Time { return metav1.Time{Time: time.Now().Truncate(time.Second)} } // as it comes out of JSON

func resource(kind string) schema.GroupResource { return schema.GroupResource{Resource: kind} }

// get finds an object; nil: there is none. Nobody may change it.
func get[T client.Object](k *kube, namespace, name string) T {
	k.mu.Lock()
	defer k.mu.Unlock()
	return peek[T](k, namespace, name)
}

// peek is get for who holds the lock.
func peek[T client.Object](k *kube, namespace, name string) T {
	var none T
	found, _ := k.objects[kindOf(none)][types.NamespacedName{Namespace: namespace, Name: name}].(T)
	return found
}

// list is all objects of a type, by name.
func list[T client.Object](k *kube) []T {
	k.mu.Lock()
	defer k.mu.Unlock()
	return peekAll[T](k)
}

func peekAll[T client.Object](k *kube) []T {
	var none T
	var out []T
	for _, o := range k.objects[kindOf(none)] {
		out = append(out, o.(T))
	}
	slices.SortFunc(out, func(a, b T) int { return compareNames(a, b) })
	return out
}

func compareNames(a, b client.Object) int {
	switch x, y := keyOf(a).String(), keyOf(b).String(); {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// create puts a new object in; what was given learns its name, UID and version.
func (k *kube) create(o client.Object) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	kind := kindOf(o)
	if k.objects[kind][keyOf(o)] != nil {
		return apierrors.NewAlreadyExists(resource(kind), o.GetName())
	}
	if namespace := peek[*corev1.Namespace](k, "", o.GetNamespace()); o.GetNamespace() != "" && (namespace == nil || namespace.DeletionTimestamp != nil) {
		return apierrors.NewForbidden(resource(kind), o.GetName(), errors.New("the namespace is being terminated"))
	}
	made := o.DeepCopyObject().(client.Object)
	if k.admit != nil {
		k.admit(made)
	}
	k.version++
	made.SetUID(types.UID(fmt.Sprintf("uid-%d", k.version)))
	made.SetCreationTimestamp(now())
	if countsGenerations(made) {
		made.SetGeneration(1)
	}
	k.put(kind, nil, made)
	assign(o, made)
	return nil
}

// countsGenerations: Services, Namespaces and others have no generation (their registry strategies do not set it).
func countsGenerations(o client.Object) bool {
	switch kindOf(o) {
	case "Ingress", "TargetGroupBinding", "ReadinessGateSet", "LoadBalancer", "Pod", "IngressClass":
		return true
	}
	return false
}

// put is the end of every write. The caller holds the lock.
func (k *kube) put(kind string, before, after client.Object) {
	k.version++
	if k.objects[kind] == nil {
		k.objects[kind] = map[types.NamespacedName]client.Object{}
	}
	happened := change{kind: kind, at: time.Now(), before: before, after: after}
	if after != nil {
		after.SetResourceVersion(strconv.Itoa(k.version))
		k.objects[kind][keyOf(after)] = after
	} else {
		delete(k.objects[kind], keyOf(before))
	}
	for _, hook := range k.hooks {
		hook(happened)
	}
}

// update replaces an object, or its status only.
func (k *kube) update(o client.Object, status bool) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	kind := kindOf(o)
	before := k.objects[kind][keyOf(o)]
	if before == nil {
		return apierrors.NewNotFound(resource(kind), o.GetName())
	}
	if o.GetResourceVersion() != "" && o.GetResourceVersion() != before.GetResourceVersion() {
		return apierrors.NewConflict(resource(kind), o.GetName(), errors.New("the object has been modified"))
	}
	if o.GetUID() != "" && o.GetUID() != before.GetUID() {
		return apierrors.NewConflict(resource(kind), o.GetName(), fmt.Errorf("the UID in the precondition (%s) does not match (%s)", o.GetUID(), before.GetUID()))
	}
	after := o.DeepCopyObject().(client.Object)
	if status {
		after = before.DeepCopyObject().(client.Object)
		setField(after, o.DeepCopyObject().(client.Object), "Status")
	} else {
		setField(after, before.DeepCopyObject().(client.Object), "Status")
	}
	after.SetUID(before.GetUID())
	after.SetCreationTimestamp(before.GetCreationTimestamp())
	after.SetDeletionTimestamp(before.GetDeletionTimestamp())
	after.SetResourceVersion(before.GetResourceVersion())
	after.SetGeneration(before.GetGeneration())
	if countsGenerations(after) && !equality.Semantic.DeepEqual(field(before, "Spec"), field(after, "Spec")) {
		after.SetGeneration(before.GetGeneration() + 1)
	}
	switch {
	case equality.Semantic.DeepEqual(before, after):
	case after.GetDeletionTimestamp() != nil && len(after.GetFinalizers()) == 0 && kind != "Pod" && kind != "Namespace":
		k.put(kind, before, nil)
	default:
		k.put(kind, before, after)
	}
	assign(o, after)
	return nil
}

// patch changes an object, or its status only; into becomes the result.
func (k *kube) patch(into client.Object, patch client.Patch, status bool) error {
	data, err := patch.Data(into)
	if err != nil {
		return err
	}
	kind := kindOf(into)
	for {
		before := k.find(kind, keyOf(into))
		if before == nil {
			return apierrors.NewNotFound(resource(kind), into.GetName())
		}
		after := reflect.New(reflect.TypeOf(into).Elem()).Interface().(client.Object)
		if err := applyPatch(before, after, patch.Type(), data); err != nil {
			return err
		}
		// A patch without a version applies to whatever there is.
		named := struct {
			Metadata struct{ ResourceVersion string }
		}{}
		if err := json.Unmarshal(data, &named); err != nil {
			return err
		}
		err := k.update(after, status)
		if apierrors.IsConflict(err) && named.Metadata.ResourceVersion == "" && after.GetUID() == before.GetUID() {
			continue
		}
		if err == nil {
			assign(into, after)
		}
		return err
	}
}

func (k *kube) find(kind string, key types.NamespacedName) client.Object {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.objects[kind][key]
}

func applyPatch(before, after client.Object, form types.PatchType, data []byte) error {
	old, err := json.Marshal(before)
	if err != nil {
		return err
	}
	var text []byte
	switch form {
	case types.MergePatchType:
		text, err = jsonpatch.MergePatch(old, data)
	case types.StrategicMergePatchType:
		text, err = strategicpatch.StrategicMergePatch(old, data, before)
	default:
		return fmt.Errorf("the simulated API server has no patch of type %s", form)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, after)
}

// remove deletes an object: at once, or after its finalizers, or, a Pod, when the kubelet is done with it.
func (k *kube) remove(kind string, key types.NamespacedName, uid types.UID) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	before := k.objects[kind][key]
	switch {
	case before == nil || uid != "" && before.GetUID() != uid:
		return apierrors.NewNotFound(resource(kind), key.Name)
	case before.GetDeletionTimestamp() != nil:
		return nil
	case len(before.GetFinalizers()) == 0 && kind != "Pod" && kind != "Namespace":
		k.put(kind, before, nil)
		return nil
	}
	after := before.DeepCopyObject().(client.Object)
	end := now()
	if pod, ok := after.(*corev1.Pod); ok {
		grace := int64(30)
		if given := pod.Spec.TerminationGracePeriodSeconds; given != nil {
			grace = *given
		}
		pod.DeletionGracePeriodSeconds = &grace
		end = metav1.Time{Time: end.Add(time.Duration(grace) * time.Second)}
	}
	after.SetDeletionTimestamp(&end)
	if after.GetGeneration() > 0 {
		after.SetGeneration(after.GetGeneration() + 1) // as the API server does (registry/rest, BeforeDelete)
	}
	k.put(kind, before, after)
	return nil
}

// drop takes an object out for good, as the kubelet and the namespace controller do in the end.
func (k *kube) drop(kind string, key types.NamespacedName, uid types.UID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if before := k.objects[kind][key]; before != nil && before.GetUID() == uid {
		k.put(kind, before, nil)
	}
}

// edit changes an object as often as it takes.
func edit[T client.Object](k *kube, namespace, name string, status bool, how func(T)) {
	for {
		found := get[T](k, namespace, name)
		if reflect.ValueOf(found).IsNil() {
			return
		}
		changed := found.DeepCopyObject().(T)
		how(changed)
		if err := k.update(changed, status); !apierrors.IsConflict(err) {
			return
		}
	}
}

// kinds that have objects, in order.
func (k *kube) kinds() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Sorted(maps.Keys(k.objects))
}

func field(o client.Object, name string) any {
	value := reflect.ValueOf(o).Elem().FieldByName(name)
	if !value.IsValid() {
		return nil
	}
	return value.Interface()
}

func setField(to, from client.Object, name string) {
	if value := reflect.ValueOf(to).Elem().FieldByName(name); value.IsValid() {
		value.Set(reflect.ValueOf(from).Elem().FieldByName(name))
	}
}

// assign makes one object a copy of another.
func assign(to, from client.Object) {
	reflect.ValueOf(to).Elem().Set(reflect.ValueOf(from.DeepCopyObject()).Elem())
}

// all objects of a kind, by name.
func (k *kube) all(kind string) []client.Object {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.SortedFunc(maps.Values(k.objects[kind]), compareNames)
}
