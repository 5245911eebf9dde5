package health

import (
	"context"
	"time"

	"github.com/go-logr/logr"
)

// samplePace is the least time between two samples: a tenth of the reads that a budget
// of half the account's rates allows.
const samplePace = 2 * time.Second

// Sampler asks about target groups that nobody waits for, so that what is shown of them
// is never older than its interval. It gives way to everything else (class Slow).
type Sampler struct {
	Book *Book
	// Interval is how old an answer may become; 0 switches the sampler off.
	Interval time.Duration
	// Ask puts one question to AWS.
	Ask asker
	// Notify is told that the answer about a group is in the book.
	Notify func(group string)
}

// Start runs until ctx ends.
func (s *Sampler) Start(ctx context.Context) error {
	if s.Interval == 0 {
		return nil
	}
	ticker := time.NewTicker(samplePace)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			s.sample(ctx)
		}
	}
}

// NeedLeaderElection holds the sampler back on standbys, like the watcher.
func (s *Sampler) NeedLeaderElection() bool { return true }

func (s *Sampler) sample(ctx context.Context) {
	now := time.Now()
	group, ok := s.Book.Stalest(now.Add(-s.Interval), now)
	if !ok {
		return
	}
	answer, err := s.Ask(ctx, group)
	if err != nil {
		logr.FromContextOrDiscard(ctx).V(1).Info("sampling target health", "group", group, "error", err.Error())
		return
	}
	s.Book.Answered(group, answer, now)
	s.Notify(group)
}
