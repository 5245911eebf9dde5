package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// Report is what the demo measured.
type Report struct {
	Gated     *Loss         `json:"gated"`
	DrainOnly *Loss         `json:"drainOnly,omitempty"` // not with a manifest of the user's
	Bare      *Loss         `json:"bare,omitempty"`
	Pods      []PodTimeline `json:"pods"` // new Pods of the gated side

	// Problems are the reasons why the promise was not kept; empty when it was.
	Problems []string `json:"-"`
}

func (r *Report) set(name string, loss Loss) {
	switch name {
	case "gated":
		r.Gated = &loss
	case "drainOnly":
		r.DrainOnly = &loss
	case "bare":
		r.Bare = &loss
	}
}

// judge adds what the gated side lost to the problems of its Pods.
func (r *Report) judge() {
	if r.Gated.Failed > 0 {
		r.Problems = append(r.Problems, fmt.Sprintf("the gated side lost %d of %d requests (%s)", r.Gated.Failed, r.Gated.Requests, r.Gated.Reasons()))
	}
}

// WriteJSON writes the report as one line of JSON.
func (r *Report) WriteJSON(out io.Writer) error { return json.NewEncoder(out).Encode(r) }

// WriteText writes the report as two tables.
func (r *Report) WriteText(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "\tREQUESTS\tFAILED\tLONGEST GAP\tSECONDS\tHOW THEY FAILED")
	for _, side := range []struct {
		name string
		loss *Loss
	}{{"gates and draining", r.Gated}, {"draining only", r.DrainOnly}, {"neither", r.Bare}} {
		if l := side.loss; l != nil {
			fmt.Fprintf(table, "%s\t%d\t%d\t%.2f s\t%.0f\t%s\n", side.name, l.Requests, l.Failed, l.LongestGapSeconds, l.Seconds, l.Reasons())
		}
	}
	fmt.Fprintln(table)
	fmt.Fprintln(table, "NEW POD WITH GATES\tCREATED\tCONTAINERS READY\tREGISTERED\tHEALTHY IN AWS\tREADY")
	for _, pod := range r.Pods {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", pod.Name, pod.CreatedAt.Local().Format("15:04:05"),
			after(pod.ContainersReady), after(pod.Registered), after(pod.Healthy), after(pod.Ready))
	}
	return table.Flush()
}

func after(seconds *float64) string {
	if seconds == nil {
		return "never"
	}
	return fmt.Sprintf("+%.1f s", *seconds)
}
