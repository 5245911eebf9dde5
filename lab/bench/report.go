package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws"
)

// Report is what a bench measured.
type Report struct {
	Ingresses       int            `json:"ingresses"`
	Calls           int            `json:"calls"`
	CallsPerIngress float64        `json:"callsPerIngress"`
	ByOperation     map[string]int `json:"byOperation"`
	Seconds         float64        `json:"seconds"`

	// What only Change measures.
	Changes    []OneChange `json:"changes,omitempty"`
	PeakRSSMiB float64     `json:"peakRSSMiB,omitempty"` // of the controller
}

// newReport counts every call, refused ones too: each costs a token of somebody's.
func newReport(ingresses int, calls []localaws.Call, took time.Duration) *Report {
	r := &Report{Ingresses: ingresses, Calls: total(calls), ByOperation: map[string]int{}, Seconds: took.Round(time.Millisecond).Seconds()}
	for _, c := range calls {
		name := c.Operation
		if c.Result != "ok" {
			name += " " + c.Result
		}
		r.ByOperation[name] += c.Count
	}
	r.CallsPerIngress = float64(r.Calls*100/max(1, ingresses)) / 100
	return r
}

func total(calls []localaws.Call) int {
	n := 0
	for _, c := range calls {
		n += c.Count
	}
	return n
}

// WriteJSON writes the report as one line of JSON.
func (r *Report) WriteJSON(out io.Writer) error { return json.NewEncoder(out).Encode(r) }

// WriteText writes the report for people, the most frequent operations first.
func (r *Report) WriteText(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintf(table, "%d Ingresses\t%d calls\t%.2f an Ingress\t%.1f s\n\n", r.Ingresses, r.Calls, r.CallsPerIngress, r.Seconds)
	for _, name := range slices.SortedFunc(maps.Keys(r.ByOperation), func(a, b string) int {
		return cmp.Or(r.ByOperation[b]-r.ByOperation[a], strings.Compare(a, b))
	}) {
		fmt.Fprintf(table, "%s\t%d\n", name, r.ByOperation[name])
	}
	for i, one := range r.Changes {
		fmt.Fprintf(table, "\nchange %d, a %s\t%d calls\t%.1f s\t%.2f s of CPU\n", i+1, one.What, one.Calls, one.Seconds, one.CPUSeconds)
	}
	if r.PeakRSSMiB > 0 {
		fmt.Fprintf(table, "\nat most\t%.0f MiB\n", r.PeakRSSMiB)
	}
	return table.Flush()
}
