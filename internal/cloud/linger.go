package cloud

import (
	"cmp"
	"errors"
	"sync"
	"time"

	"github.com/sluice-lb/sluice/internal/plan"
)

// lingering is how long something that AWS has called in use is not deleted again. Target
// groups are in use for some seconds after the last rule has gone, security groups after
// their load balancer; every event of the stack meanwhile would cost a call that is
// refused. AWS documents no time.
const lingering = 5 * time.Second

// refusals of deletions, by ARN or id.
type refusalTable struct {
	mu      sync.Mutex
	seen    map[string]refusal
	lasting time.Duration // 0 is lingering
}

type refusal struct {
	at  time.Time
	err *Error
}

// lately is AWS's own answer, if it was given a moment ago.
func (t *refusalTable) lately(step plan.Step) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known, ok := t.seen[removed(step)]; ok && time.Since(known.at) < cmp.Or(t.lasting, lingering) {
		return known.err
	}
	return nil
}

// note remembers how a deletion went.
func (t *refusalTable) note(step plan.Step, err error) {
	id := removed(step)
	if id == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.seen, id)
	if e, ok := errors.AsType[*Error](err); ok && lingers[e.Code] {
		if t.seen == nil {
			t.seen = map[string]refusal{}
		}
		t.seen[id] = refusal{time.Now(), e}
	}
}

// lingers are the answers that time alone changes.
var lingers = map[string]bool{"ResourceInUse": true, "DependencyViolation": true}

// removed is what a step removes, if it is of those that linger.
func removed(step plan.Step) string {
	switch action := step.Action.(type) {
	case plan.DeleteTargetGroup:
		return action.ID
	case plan.DeleteSecurityGroup:
		return action.ID
	}
	return ""
}
