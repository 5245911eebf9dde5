// Package pace is AWS's own time: the delays that are AWS's (provisioning, registration, propagation, deregistration
// delay, health check interval), divided by the speed at which the local AWS runs, with seeded jitter, and one
// goroutine that runs what is due.
//
//	clock.After(clock.Between(time.Second, 3*time.Second), func() { group.Add(target) })
//
// What is not AWS's own — a target's answers, a client's patience, token buckets — runs in real time and is not here.
package pace

import (
	"container/heap"
	"math/rand/v2"
	"sync"
	"time"
)

// Clock scales durations and runs functions later. Its functions run one at a time, in the order of their times.
type Clock struct {
	speed float64

	mu     sync.Mutex
	random *rand.Rand
	events events
	last   uint64 // orders events of one instant
	wake   chan struct{}
	stop   chan struct{}
	done   chan struct{}
}

// New starts a clock; speed 1 is real time.
func New(speed float64, seed uint64) *Clock {
	c := &Clock{
		speed: speed, random: rand.New(rand.NewPCG(seed, seed)),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	go c.run()
	return c
}

// Close stops the clock; what is not due yet never runs.
func (c *Clock) Close() {
	close(c.stop)
	<-c.done
}

// Scaled is how long d of AWS's time takes here.
func (c *Clock) Scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / c.speed)
}

// Between is a scaled, evenly distributed duration.
func (c *Clock) Between(low, high time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Scaled(low + time.Duration(c.random.Int64N(int64(high-low)+1)))
}

// Uint64 is a random number from the same seed, for identifiers.
func (c *Clock) Uint64() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.random.Uint64()
}

// After runs f when d, already scaled, has passed.
func (c *Clock) After(d time.Duration, f func()) {
	c.mu.Lock()
	c.last++
	heap.Push(&c.events, event{at: time.Now().Add(d), order: c.last, run: f})
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *Clock) run() {
	defer close(c.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(c.runDue())
		select {
		case <-c.stop:
			return
		case <-c.wake:
		case <-timer.C:
		}
	}
}

// runDue runs what is due and returns how long to wait for the next event.
func (c *Clock) runDue() time.Duration {
	for {
		c.mu.Lock()
		if len(c.events) == 0 {
			c.mu.Unlock()
			return time.Hour
		}
		if wait := time.Until(c.events[0].at); wait > 0 {
			c.mu.Unlock()
			return wait
		}
		next := heap.Pop(&c.events).(event)
		c.mu.Unlock()
		select {
		case <-c.stop:
			return 0
		default:
			next.run()
		}
	}
}

type event struct {
	at    time.Time
	order uint64
	run   func()
}

// events is a heap with the earliest event first.
type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	if !e[i].at.Equal(e[j].at) {
		return e[i].at.Before(e[j].at)
	}
	return e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	(*e)[len(*e)-1] = event{}
	*e = (*e)[:len(*e)-1]
	return last
}
