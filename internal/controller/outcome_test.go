package controller

import (
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func TestAnOutageOfMinutesDoesNotPostponeWhatFollowsIt(t *testing.T) {
	t.Parallel()
	limiter, request := backOff(), reconcile.Request{}
	var next time.Duration
	for spent := time.Duration(0); spent < 10*time.Minute; spent += next {
		next = limiter.When(request)
	}
	if next != 15*time.Second {
		t.Errorf("after ten minutes of failures the next try comes after %s, want 15s", next)
	}
}
