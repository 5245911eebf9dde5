package health

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/sluice-lb/sluice/internal/model"
)

// spacing keeps questions to less than five a second, whatever the number of groups:
// half of what the account may read (see internal/cloud, Budget).
const spacing = 205 * time.Millisecond

// asker puts the question to AWS.
type asker func(ctx context.Context, group string) ([]model.TargetHealth, error)

// Watcher asks about the health of targets that somebody waits for. Questions run side
// by side, at most one a group.
type Watcher struct {
	// Ask puts one question to AWS.
	Ask asker
	// Notify is told, from a goroutine of the watcher, that the answer about a group
	// is in the book.
	Notify func(group string)

	book     *Book
	mu       sync.Mutex
	schedule *Schedule
	free     time.Time // no question before
	wake     chan struct{}
}

// NewWatcher is a watcher that writes answers into this book.
func NewWatcher(book *Book, ask asker, notify func(group string)) *Watcher {
	waiting.Set(0) // the metric is of the process, which may have had another
	return &Watcher{Ask: ask, Notify: notify, book: book, schedule: NewSchedule(), wake: make(chan struct{}, 1)}
}

// Await replaces what a Pod waits for; nothing ends its waiting.
func (w *Watcher) Await(who string, waits []Wait) {
	w.mu.Lock()
	w.schedule.Await(who, waits)
	waiting.Set(float64(w.schedule.Waiting()))
	w.mu.Unlock()
	w.nudge()
}

// Start runs until ctx ends, and then waits for questions that are on their way.
func (w *Watcher) Start(ctx context.Context) error {
	var asking sync.WaitGroup
	defer asking.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.wake:
		case <-timer.C:
		}
		timer.Reset(w.step(ctx, &asking))
	}
}

// NeedLeaderElection holds the watcher back on standbys: only the leader spends the account's calls.
func (w *Watcher) NeedLeaderElection() bool { return true }

// step puts the next question if it is due, and says when to look again.
func (w *Watcher) step(ctx context.Context, asking *sync.WaitGroup) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	group, at, ok := w.schedule.Next(now)
	if !ok {
		return time.Hour // until nudged
	}
	if at = latest(at, w.free); at.After(now) {
		return at.Sub(now)
	}
	w.schedule.Asking(group, now)
	w.free = now.Add(spacing)
	asking.Go(func() { w.ask(ctx, group) })
	return spacing
}

func (w *Watcher) ask(ctx context.Context, group string) {
	asked := time.Now()
	answer, err := w.Ask(ctx, group)
	w.mu.Lock()
	w.schedule.Asked(group)
	if err == nil {
		if slices.ContainsFunc(answer, judged) {
			w.schedule.Served(group)
		}
		for _, target := range w.book.Answered(group, answer, asked) {
			if !target.Adopted && target.Pod != "" {
				w.schedule.Took(group, target.NotYet.Sub(target.Since), w.book.ServedBefore(group, target.Since))
			}
		}
	}
	w.mu.Unlock()
	if err != nil {
		// Nothing is lost: the group stays due. The call is counted in internal/cloud.
		logr.FromContextOrDiscard(ctx).V(1).Info("asking about target health", "group", group, "error", err.Error())
	} else {
		w.Notify(group)
	}
	w.nudge()
}

// judged: the load balancer is there and sends health checks ("Target health status", guide
// of Application Load Balancers).
func judged(h model.TargetHealth) bool {
	return h.State == model.Healthy || h.State == model.Unhealthy || h.Reason == "Elb.InitialHealthChecking"
}

func (w *Watcher) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
