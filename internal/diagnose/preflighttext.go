package diagnose

import (
	"fmt"
	"strings"
)

// String renders the report for a terminal: what is in the way, what to know, and what is well.
func (r PreflightReport) String() string {
	var text strings.Builder
	counts := map[Standing]int{}
	for _, standing := range []Standing{Stop, Warn, OK} {
		for _, check := range r.Checks {
			if check.Standing != standing {
				continue
			}
			counts[standing]++
			fmt.Fprintf(&text, "%-5s%-12s %s\n", check.Standing, check.Name, check.What)
			if check.Remedy != "" {
				fmt.Fprintf(&text, "%17s → %s\n", "", check.Remedy)
			}
		}
	}
	verdict := "nothing stands in the way"
	if counts[Stop] > 0 {
		verdict = fmt.Sprintf("%d things stand in the way", counts[Stop])
	}
	fmt.Fprintf(&text, "\n%s; %d to know\n", verdict, counts[Warn])
	return text.String()
}
