package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/targets"
)

// targetsAnnotation on a TargetGroupBinding remembers, over a restart, which address is
// registered for which Pod. The incumbent drops annotations that it does not know, so
// what it has changed is not believed.
const targetsAnnotation = "sluice.dev/targets"

// targetRecord is the annotation's value. An address that is draining has no Pod.
type targetRecord struct {
	Epoch string `json:"epoch"`
	// Dirty: a change is on its way. The targets are then those before it and those that
	// are about to be registered, whose addresses were free: whoever is found there is
	// the Pod that is named, but not all of them need be there.
	Dirty bool `json:"dirty,omitempty"`
	// Targets are "POD-UID/UNIX-SECONDS" by address; "/adopted" follows where the address
	// was registered before the Pod had it, so that one healthy answer proves nothing.
	Targets map[string]string `json:"targets"`
}

const adoptedMark = "/adopted"

// encodeTargets writes what is known of a group's targets.
func encodeTargets(epoch string, dirty bool, known map[model.TargetID]health.Target) (string, error) {
	record := targetRecord{Epoch: epoch, Dirty: dirty, Targets: map[string]string{}}
	for address, target := range known {
		pod := string(target.Pod)
		if !target.Registered() {
			pod = ""
		}
		value := fmt.Sprintf("%s/%d", pod, target.Since.Unix())
		if target.Adopted && pod != "" {
			value += adoptedMark
		}
		record.Targets[address.String()] = value
	}
	text, err := json.Marshal(record)
	return string(text), err
}

// decodeTargets reads what encodeTargets wrote, of a change that is done or of one that
// was on its way; ok is false for anything else, and for a record of another epoch.
func decodeTargets(text, epoch string, dirty bool) (list []health.Target, ok bool) {
	var record targetRecord
	if text == "" || json.Unmarshal([]byte(text), &record) != nil || record.Epoch != epoch || record.Dirty != dirty {
		return nil, false
	}
	for key, value := range record.Targets {
		address, err := model.ParseTargetID(key)
		registration, adopted := strings.CutSuffix(value, adoptedMark)
		pod, seconds, found := strings.Cut(registration, "/")
		since, err2 := strconv.ParseInt(seconds, 10, 64)
		if err != nil || err2 != nil || !found {
			return nil, false
		}
		target := health.Target{Address: address, Pod: types.UID(pod), Since: time.Unix(since, 0), Adopted: adopted}
		if pod == "" {
			target.State, target.Reason, target.Deregistered = model.Draining, "Target.DeregistrationInProgress", target.Since
		}
		list = append(list, target)
	}
	return list, true
}

// remembered fills the book from a binding's record, if it may be believed.
func (c *bindingController) remembered(ctx context.Context, binding *v1beta1.TargetGroupBinding) bool {
	list, ok := decodeTargets(binding.Annotations[targetsAnnotation], c.epoch(ctx), false)
	if ok {
		c.book.Restore(binding.Spec.TargetGroupARN, list)
	}
	return ok
}

// interrupted are the Pods that a former process had registered, or was about to, when
// it ended in the middle of a change. Addresses that were adopted are not among them: they
// are adopted anew.
func (c *bindingController) interrupted(ctx context.Context, binding *v1beta1.TargetGroupBinding) map[model.TargetID]types.UID {
	list, ok := decodeTargets(binding.Annotations[targetsAnnotation], c.epoch(ctx), true)
	if !ok {
		return nil
	}
	out := map[model.TargetID]types.UID{}
	for _, target := range list {
		if target.Pod != "" && !target.Adopted {
			out[target.Address] = target.Pod
		}
	}
	return out
}

// begin notes that a change begins, and which Pods are about to be registered; the
// record is written anew when it is done.
func (c *bindingController) begin(ctx context.Context, binding *v1beta1.TargetGroupBinding, registering []targets.Endpoint) error {
	known := c.mine(ctx, binding)
	for _, endpoint := range registering {
		known[endpoint.Address] = health.Target{Pod: endpoint.UID}
	}
	text, err := encodeTargets(c.epoch(ctx), true, known)
	if err != nil {
		return fmt.Errorf("recording the targets of TargetGroupBinding %s: %w", nameOf(binding), err)
	}
	return c.annotate(ctx, binding, text)
}

// remember writes what is known now. While AWS has not said whether a registration took
// effect, the change is still on its way.
func (c *bindingController) remember(ctx context.Context, binding *v1beta1.TargetGroupBinding) error {
	known, doubtful := c.mine(ctx, binding), false
	for _, target := range known {
		doubtful = doubtful || target.Doubtful
	}
	text, err := encodeTargets(c.epoch(ctx), doubtful, known)
	if err != nil {
		return fmt.Errorf("recording the targets of TargetGroupBinding %s: %w", nameOf(binding), err)
	}
	return c.annotate(ctx, binding, text)
}

// mine are the targets that a record tells of.
func (c *bindingController) mine(ctx context.Context, binding *v1beta1.TargetGroupBinding) map[model.TargetID]health.Target {
	endpoints := c.endpoints(ctx, binding)
	return c.known(binding, endpoints)
}

func (c *bindingController) annotate(ctx context.Context, binding *v1beta1.TargetGroupBinding, value string) error {
	if binding.Annotations[targetsAnnotation] == value {
		return nil
	}
	before := binding.DeepCopy()
	if binding.Annotations == nil {
		binding.Annotations = map[string]string{}
	}
	binding.Annotations[targetsAnnotation] = value
	if err := c.client.Patch(ctx, binding, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("recording the targets of TargetGroupBinding %s: %w", nameOf(binding), err)
	}
	return nil
}
