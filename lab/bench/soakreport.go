package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SoakReport is what Soak measured.
type SoakReport struct {
	Seconds  float64 `json:"seconds"`
	Changes  int     `json:"changes"`  // rollouts and the like
	Restarts int     `json:"restarts"` // of the controller, all in the first half
	Sent     int     `json:"sent"`
	Failed   int     `json:"failed"`
	// What the controller holds in the moments when nothing happens, in the second half.
	Goroutines Trend `json:"goroutines"`
	HeapMiB    Trend `json:"heapMiB"` // in use, garbage included
	RSSMiB     Trend `json:"rssMiB"`
	// Left in AWS after everything was deleted.
	Left    []string       `json:"left"`
	Traffic *TrafficReport `json:"traffic"`
}

// Trend of a figure over time: its first and last values, and the slope of the line that fits best.
type Trend struct {
	First   float64 `json:"first"`
	Last    float64 `json:"last"`
	PerHour float64 `json:"perHour"`
}

func (t Trend) String() string {
	return fmt.Sprintf("from %.1f to %.1f, %+.1f an hour", t.First, t.Last, t.PerHour)
}

// WriteJSON writes the report as one line of JSON.
func (r *SoakReport) WriteJSON(out io.Writer) error { return json.NewEncoder(out).Encode(r) }

// WriteText writes the report for people.
func (r *SoakReport) WriteText(out io.Writer) error {
	if err := r.Traffic.WriteText(out); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d changes and %d restarts in %.0f s\ngoroutines   %s\nheap in MiB  %s\nRSS in MiB   %s\nleft in AWS  %v\n",
		r.Changes, r.Restarts, r.Seconds, r.Goroutines, r.HeapMiB, r.RSSMiB, r.Left)
	return err
}

// soakSample is what the controller held at one moment.
type soakSample struct {
	process               process
	at                    time.Time
	goroutines, heap, rss float64
}

func newSoakReport(took time.Duration, changes, restarts int, sent *TrafficReport, samples []soakSample) *SoakReport {
	r := &SoakReport{Seconds: took.Round(time.Millisecond).Seconds(), Changes: changes, Restarts: restarts, Sent: sent.Sent, Failed: sent.Failed, Traffic: sent, Left: []string{}}
	samples = ofTheLastProcess(samples)
	r.Goroutines = trend(samples, func(s soakSample) float64 { return s.goroutines })
	r.HeapMiB = trend(samples, func(s soakSample) float64 { return s.heap })
	r.RSSMiB = trend(samples, func(s soakSample) float64 { return s.rss })
	return r
}

// ofTheLastProcess leaves out what earlier ones held.
func ofTheLastProcess(samples []soakSample) []soakSample {
	for at, sample := range slices.Backward(samples) {
		if sample.process != samples[len(samples)-1].process {
			return samples[at+1:]
		}
	}
	return samples
}

// trend is the line with the least squares.
func trend(samples []soakSample, of func(soakSample) float64) Trend {
	if len(samples) == 0 {
		return Trend{}
	}
	var n, x, y, xx, xy float64
	for _, s := range samples {
		hours, value := s.at.Sub(samples[0].at).Hours(), of(s)
		n, x, y, xx, xy = n+1, x+hours, y+value, xx+hours*hours, xy+hours*value
	}
	t := Trend{First: of(samples[0]), Last: of(samples[len(samples)-1])}
	if spread := n*xx - x*x; spread > 0 {
		t.PerHour = float64(int(10*(n*xy-x*y)/spread)) / 10
	}
	return t
}

// sample looks at the controller's metrics.
func (b *soakBench) sample(ctx context.Context) error {
	running, err := b.controllerProcess()
	if err != nil {
		return err
	}
	controller, err := b.firstReplica()
	if err != nil {
		return err
	}
	text, err := get(ctx, "http://"+controller.metrics+"/metrics")
	if err != nil {
		return err
	}
	s := soakSample{
		process: running, at: time.Now(),
		goroutines: metric(text, "go_goroutines"), heap: mebibytes(metric(text, "go_memstats_heap_inuse_bytes")), rss: mebibytes(metric(text, "process_resident_memory_bytes")),
	}
	b.samples = append(b.samples, s)
	b.say("%.0f goroutines, %.1f MiB of heap, %.1f MiB in all", s.goroutines, s.heap, s.rss)
	return nil
}

// metric is the value of one without labels; 0 where it is not there.
func metric(text, name string) float64 {
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), name+" "); found {
			number, _ := strconv.ParseFloat(value, 64) // the exposition format is the library's
			return number
		}
	}
	return 0
}

func mebibytes(bytes float64) float64 { return float64(int(bytes/(1<<20)*10)) / 10 }
