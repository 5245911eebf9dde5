package cloud

import (
	"context"
	"sync"
	"time"
)

// soonest is the time between two readings of the same facts, however much somebody wants fresh
// ones.
const soonest = 10 * time.Second

// remembered are facts that AWS is asked for rarely.
type remembered[T any] struct {
	mu    sync.Mutex
	facts T
	read  time.Time
}

// get reads the facts when they are older than this, or when a caller that missed something in
// them asks for fresh ones. Two callers may read at once; no lock is held over a call.
func (r *remembered[T]) get(ctx context.Context, age time.Duration, fresh bool, read func(context.Context) (T, error)) (T, error) {
	if fresh {
		age = soonest
	}
	r.mu.Lock()
	facts, known := r.facts, !r.read.IsZero() && time.Since(r.read) < age
	r.mu.Unlock()
	if known {
		return facts, nil
	}
	facts, err := read(ctx)
	if err == nil {
		r.set(facts)
	}
	return facts, err
}

func (r *remembered[T]) set(facts T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.facts, r.read = facts, time.Now()
}
