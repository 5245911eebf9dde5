package conformance

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"

	"github.com/sluice-lb/sluice/test/awsconformance"
)

// Report is what came of a run.
type Report struct {
	Endpoint    string                  `json:"endpoint"`
	Account     string                  `json:"account"`
	Region      string                  `json:"region"`
	Seconds     float64                 `json:"seconds"`
	Held        int                     `json:"held"`
	Failed      int                     `json:"failed"`
	Skipped     int                     `json:"skipped"`
	Unconfirmed int                     `json:"unconfirmed"` // of all, those that no document states
	Assertions  []awsconformance.Result `json:"assertions"`
}

// unconfirmed stands in a report where a source would.
const unconfirmed = "unconfirmed"

func newReport(results []awsconformance.Result) *Report {
	r := &Report{Assertions: []awsconformance.Result{}}
	for _, result := range results {
		switch result.Outcome {
		case awsconformance.Held:
			r.Held++
		case awsconformance.Failed:
			r.Failed++
		case awsconformance.Skipped:
			r.Skipped++
		}
		if result.Source == "" {
			r.Unconfirmed++
		}
		result.Source = cmp.Or(result.Source, unconfirmed)
		r.Assertions = append(r.Assertions, result)
	}
	return r
}

// Err is nil if every assertion held.
func (r *Report) Err() error {
	if r.Failed+r.Skipped == 0 {
		return nil
	}
	return fmt.Errorf("of %d assertions %d failed and %d were skipped", len(r.Assertions), r.Failed, r.Skipped)
}

// WriteResult writes one assertion as a line, and a second one if it did not hold.
func WriteResult(out io.Writer, r awsconformance.Result) {
	fmt.Fprintf(out, "%-8s%-44s %s [%s]\n", r.Outcome, r.ID, r.Sentence, cmp.Or(r.Source, unconfirmed))
	if r.Detail != "" {
		fmt.Fprintf(out, "        %s\n", r.Detail)
	}
}

// WriteSummary writes the counts.
func (r *Report) WriteSummary(out io.Writer) error {
	_, err := fmt.Fprintf(out, "%d assertions in %.0f s: %d held, %d failed, %d skipped; %d are unconfirmed by any document\n",
		len(r.Assertions), r.Seconds, r.Held, r.Failed, r.Skipped, r.Unconfirmed)
	return err
}

// WriteJSON writes the whole report.
func (r *Report) WriteJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}
