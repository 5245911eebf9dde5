package simulation

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlrecorder "sigs.k8s.io/controller-runtime/pkg/recorder"
)

// timeline is what happened in a run, for people.
type timeline struct {
	mu    sync.Mutex
	begun time.Time
	lines []string
}

func newTimeline() *timeline { return &timeline{begun: time.Now()} }

func (t *timeline) note(who, format string, values ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, fmt.Sprintf("%9.3f  %-10s %s", time.Since(t.begun).Seconds(), who, fmt.Sprintf(format, values...)))
}

func (t *timeline) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}

// recorder takes the controller's events down.
type recorder struct {
	ctrlrecorder.EventRecorder // of which nothing but what follows is used
	timeline                   *timeline
}

//nolint:revive // the interface has that many arguments
func (r recorder) Eventf(regarding, _ runtime.Object, kind, reason, _, note string, values ...any) {
	name := "?"
	if o, ok := regarding.(client.Object); ok {
		name = kindOf(o) + " " + o.GetName()
	}
	r.timeline.note("event", "%s %s on %s: %s", kind, reason, name, fmt.Sprintf(note, values...))
}

// logSink takes the controller's log down, as far as a person would have it switched on.
type logSink struct {
	timeline *timeline
	process  string
	values   []any
}

func (l *logSink) Init(logr.RuntimeInfo)  {}
func (l *logSink) Enabled(level int) bool { return level <= 0 }

func (l *logSink) Info(_ int, message string, values ...any) {
	l.timeline.note(l.process, "%s%s", message, pairs(values))
}

func (l *logSink) Error(err error, message string, values ...any) {
	l.timeline.note(l.process, "%s: %v%s", message, err, pairs(append(l.values, values...)))
}

func (l *logSink) WithName(string) logr.LogSink { return l }

func (l *logSink) WithValues(values ...any) logr.LogSink {
	return &logSink{timeline: l.timeline, process: l.process, values: append(slices.Clip(l.values), values...)}
}

func pairs(values []any) string {
	var text strings.Builder
	for i := 0; i+1 < len(values); i += 2 {
		fmt.Fprintf(&text, " %v=%v", values[i], values[i+1])
	}
	return text.String()
}
