package health_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
)

// question is one that AWS was asked: when, counted from the first, and about which group.
type question struct {
	After time.Duration
	Group string
}

// aws answers questions about health, and remembers them.
type aws struct {
	began  time.Time
	takes  time.Duration
	answer func(group string) ([]model.TargetHealth, error)

	mu     sync.Mutex
	asked  []question
	open   map[string]int
	atOnce int // most questions about one group that were on their way together
}

func (c *aws) ask(ctx context.Context, group string) ([]model.TargetHealth, error) {
	c.mu.Lock()
	c.asked = append(c.asked, question{time.Since(c.began), group})
	c.open[group]++
	c.atOnce = max(c.atOnce, c.open[group])
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.open[group]--
		c.mu.Unlock()
	}()
	select {
	case <-time.After(c.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return c.answer(group)
}

// watch runs a watcher over a fake AWS in a bubble; the test is the rest of the world.
func watch(t *testing.T, cloud *aws, test func(book *health.Book, watcher *health.Watcher, notified chan string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cloud.began, cloud.open = time.Now(), map[string]int{}
		book, notified := health.NewBook(), make(chan string, 1000)
		watcher := health.NewWatcher(book, cloud.ask, func(group string) { notified <- group })
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- watcher.Start(ctx) }()
		test(book, watcher, notified)
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the watcher ended with %v", err)
		}
		if len(cloud.open) > 0 {
			for group, n := range cloud.open {
				if n > 0 {
					t.Errorf("the watcher ended before its question about %s", group)
				}
			}
		}
	})
}

func TestAWatcherTellsWhenTheAnswerIsInTheBook(t *testing.T) {
	t.Parallel()
	cloud := &aws{takes: 50 * time.Millisecond}
	watch(t, cloud, func(book *health.Book, watcher *health.Watcher, notified chan string) {
		cloud.answer = func(string) ([]model.TargetHealth, error) {
			if time.Since(cloud.began) < 3*time.Second {
				return answer{initial(a)}, nil
			}
			return answer{healthy(a)}, nil
		}
		book.Registered("web", pods{a: "pod"}, time.Now())
		watcher.Await("shop/web-1", since("web", time.Now()))
		for group := range notified {
			target, _ := book.Target(group, a)
			if target.State == model.Healthy {
				break
			}
		}
		watcher.Await("shop/web-1", nil)
		time.Sleep(time.Hour) // nobody waits: nobody asks
	})
	want := []question{{1000 * time.Millisecond, "web"}, {1600 * time.Millisecond, "web"}, {2200 * time.Millisecond, "web"}, {2800 * time.Millisecond, "web"}, {3400 * time.Millisecond, "web"}}
	if diff := cmp.Diff(want, cloud.asked); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
}

func TestAWatcherPutsOneQuestionAGroupAtATime(t *testing.T) {
	t.Parallel()
	cloud := &aws{takes: 7 * time.Second, answer: func(string) ([]model.TargetHealth, error) { return answer{initial(a), initial(b)}, nil }}
	watch(t, cloud, func(_ *health.Book, watcher *health.Watcher, _ chan string) {
		for i := range 10 {
			watcher.Await(fmt.Sprintf("shop/web-%d", i), since("web", time.Now()))
			time.Sleep(time.Second)
		}
		time.Sleep(10 * time.Second)
	})
	want := []question{{time.Second, "web"}, {8 * time.Second, "web"}, {15 * time.Second, "web"}}
	if diff := cmp.Diff(want, cloud.asked); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
	if cloud.atOnce != 1 {
		t.Errorf("%d questions about one group at once", cloud.atOnce)
	}
}

func TestAWatcherPutsFiveQuestionsASecondWhateverTheGroups(t *testing.T) {
	t.Parallel()
	cloud := &aws{takes: 2 * time.Second, answer: func(string) ([]model.TargetHealth, error) { return nil, nil }}
	watch(t, cloud, func(_ *health.Book, watcher *health.Watcher, _ chan string) {
		for i := range 40 {
			watcher.Await(fmt.Sprintf("shop/web-%d", i), since(fmt.Sprintf("group-%02d", i), time.Now()))
		}
		time.Sleep(20 * time.Second)
	})
	for i, q := range cloud.asked {
		if want := time.Second + time.Duration(i)*205*time.Millisecond; q.After != want {
			t.Fatalf("question %d was put after %s, want %s", i, q.After, want)
		}
	}
	times := map[string]int{}
	for _, q := range cloud.asked {
		times[q.Group]++
	}
	if len(cloud.asked) != 93 || len(times) != 40 {
		t.Errorf("%d questions about %d groups, want 93 about 40", len(cloud.asked), len(times))
	}
}

func TestAWatcherAsksAgainAfterAnError(t *testing.T) {
	t.Parallel()
	cloud := &aws{takes: 50 * time.Millisecond}
	failures := 3
	cloud.answer = func(string) ([]model.TargetHealth, error) {
		if failures--; failures >= 0 {
			return nil, errors.New("rate exceeded")
		}
		return answer{healthy(a)}, nil
	}
	watch(t, cloud, func(_ *health.Book, watcher *health.Watcher, notified chan string) {
		watcher.Await("shop/web-1", since("web", time.Now()))
		<-notified
		watcher.Await("shop/web-1", nil)
		if len(notified) > 0 {
			t.Error("it told of an answer that there was not")
		}
	})
	want := []question{{1000 * time.Millisecond, "web"}, {1600 * time.Millisecond, "web"}, {2200 * time.Millisecond, "web"}, {2800 * time.Millisecond, "web"}}
	if diff := cmp.Diff(want, cloud.asked); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
}

func TestAWatcherEndsWithItsQuestions(t *testing.T) {
	t.Parallel()
	cloud := &aws{takes: time.Hour, answer: func(string) ([]model.TargetHealth, error) { return nil, nil }}
	watch(t, cloud, func(_ *health.Book, watcher *health.Watcher, _ chan string) {
		watcher.Await("shop/web-1", since("web", time.Now()))
		time.Sleep(2 * time.Second) // the question is on its way
	})
}

// Who comes to a group that has served before tells how long targets take; the next is
// asked about when the answer can be yes.
func TestAWatcherLearnsWhenToAsk(t *testing.T) {
	t.Parallel()
	cloud := &aws{takes: 10 * time.Millisecond}
	watch(t, cloud, func(book *health.Book, watcher *health.Watcher, notified chan string) {
		healthyAfter := func(registered time.Time) model.TargetHealth {
			if time.Since(registered) < 5500*time.Millisecond {
				return initial(b)
			}
			return healthy(b)
		}
		book.Answered("web", answer{healthy(a)}, time.Now())
		for range 2 {
			time.Sleep(time.Minute)
			registered := time.Now()
			cloud.mu.Lock()
			cloud.asked, cloud.began = nil, registered
			cloud.mu.Unlock()
			cloud.answer = func(string) ([]model.TargetHealth, error) {
				return answer{healthy(a), healthyAfter(registered)}, nil
			}
			book.Registered("web", pods{b: "pod"}, registered)
			watcher.Await("shop/web-1", since("web", registered))
			for range notified {
				if target, _ := book.Target("web", b); target.State == model.Healthy {
					break
				}
			}
			watcher.Await("shop/web-1", nil)
		}
	})
	want := []question{{2600 * time.Millisecond, "web"}, {3200 * time.Millisecond, "web"}, {3800 * time.Millisecond, "web"}, {4400 * time.Millisecond, "web"}, {5000 * time.Millisecond, "web"}, {5600 * time.Millisecond, "web"}}
	if diff := cmp.Diff(want, cloud.asked); diff != "" {
		t.Errorf("questions about the second target (-want +got):\n%s", diff)
	}
}
