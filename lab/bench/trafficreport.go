package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/sluice-lb/sluice/lab/traffic"
)

// TrafficReport is what Traffic measured.
type TrafficReport struct {
	Rounds  int         `json:"rounds"`
	Seconds float64     `json:"seconds"`
	Sent    int         `json:"sent"`
	Failed  int         `json:"failed"`
	Kinds   []KindCount `json:"kinds"`
}

// KindCount is one kind of traffic: all together, and by what went on when an exchange ended.
type KindCount struct {
	Kind   string          `json:"kind"`
	Sent   int             `json:"sent"`
	Failed int             `json:"failed"`
	Events []traffic.Count `json:"events"`
}

func newTrafficReport(rounds int, took time.Duration, counts []traffic.Count) *TrafficReport {
	r := &TrafficReport{Rounds: rounds, Seconds: took.Round(time.Millisecond).Seconds()}
	for _, kind := range traffic.Kinds {
		one := KindCount{Kind: kind.Name}
		for _, count := range counts {
			if count.Kind == kind.Name {
				one.Sent, one.Failed, one.Events = one.Sent+count.Sent, one.Failed+count.Failed, append(one.Events, count)
			}
		}
		r.Sent, r.Failed, r.Kinds = r.Sent+one.Sent, r.Failed+one.Failed, append(r.Kinds, one)
	}
	return r
}

func failedOf(counts []traffic.Count) int {
	failed := 0
	for _, count := range counts {
		failed += count.Failed
	}
	return failed
}

// WriteJSON writes the report as one line of JSON.
func (r *TrafficReport) WriteJSON(out io.Writer) error { return json.NewEncoder(out).Encode(r) }

// WriteText writes a table for people: a line a kind, a column an event, failed of sent.
func (r *TrafficReport) WriteText(out io.Writer) error {
	var names []string
	for _, kind := range r.Kinds {
		for _, event := range kind.Events {
			if !slices.Contains(names, event.Event) {
				names = append(names, event.Event)
			}
		}
	}
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "failed of sent\t")
	for _, name := range names {
		fmt.Fprintf(table, "%s\t", name)
	}
	fmt.Fprint(table, "all\t\n")
	for _, kind := range r.Kinds {
		fmt.Fprintf(table, "%s\t", kind.Kind)
		for _, name := range names {
			at := slices.IndexFunc(kind.Events, func(c traffic.Count) bool { return c.Event == name })
			if at < 0 {
				fmt.Fprint(table, "-\t")
				continue
			}
			fmt.Fprintf(table, "%d of %d\t", kind.Events[at].Failed, kind.Events[at].Sent)
		}
		fmt.Fprintf(table, "%d of %d\t\n", kind.Failed, kind.Sent)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%d rounds in %.0f s: %d of %d failed\n", r.Rounds, r.Seconds, r.Failed, r.Sent)
	for _, kind := range r.Kinds {
		for _, event := range kind.Events {
			if event.Failed > 0 {
				fmt.Fprintf(out, "  %s, %s: the last one failed after %.1f s\n", event.Kind, event.Event, event.LostFor)
			}
			for _, reason := range slices.Sorted(maps.Keys(event.Reasons)) {
				fmt.Fprintf(out, "  %s, %s: %d × %s\n", event.Kind, event.Event, event.Reasons[reason], reason)
			}
		}
	}
	return nil
}
