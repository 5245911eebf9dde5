package controller

import (
	"testing"
	"time"
)

// Kubernetes tells in whole seconds when containers were ready: a Pod of the second in which the observer
// started would else look older than it, and never be measured.
func TestObserverStartsWithAWholeSecond(t *testing.T) {
	t.Parallel()
	if started := newObserver(nil, nil).started; !started.Equal(started.Truncate(time.Second)) {
		t.Errorf("it started at %s", started.Format(time.StampNano))
	}
}
