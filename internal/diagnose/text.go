package diagnose

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// String renders the report for a terminal.
func (r Report) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "Pod %s/%s: %s\n", r.Namespace, r.Name, r.summary())
	for _, gate := range r.Gates {
		fmt.Fprintf(&text, "\ngate %s%s\n", gate.Type, gate.origin())
		fmt.Fprintf(&text, "  %s\n", gate.sentence())
		for _, line := range gate.lines() {
			if line != "" {
				fmt.Fprintf(&text, "  %s\n", line)
			}
		}
		if gate.Remedy != "" && gate.Status != "True" {
			fmt.Fprintf(&text, "  → %s\n", gate.Remedy)
		}
	}
	for _, finding := range r.Findings {
		fmt.Fprintf(&text, "\n- %s\n", finding.What)
		if finding.Remedy != "" {
			fmt.Fprintf(&text, "  → %s\n", finding.Remedy)
		}
	}
	return text.String()
}

func (r Report) summary() string {
	open := 0
	for _, gate := range r.Gates {
		if gate.Status == "True" {
			open++
		}
	}
	ready := "not Ready"
	if r.Ready.Status == "True" {
		ready = "Ready"
	}
	if r.Ready.Status != "" {
		ready += " for " + short(r.Ready.For)
	}
	if len(r.Gates) == 0 {
		return ready + ", no target-health gate"
	}
	return fmt.Sprintf("%s, %d of %d gates open", ready, open, len(r.Gates))
}

func (g Gate) origin() string {
	if g.Injected {
		return ""
	}
	return " (written by hand)"
}

func (g Gate) sentence() string {
	switch g.Status {
	case "":
		return "closed: nobody has written its condition yet"
	case "True":
		return fmt.Sprintf("open for %s%s", short(g.For), because(g.Reason))
	}
	return fmt.Sprintf("closed for %s%s", short(g.For), because(cmp.Or(g.Reason, "no reason given")))
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// short is a duration in its two largest units.
func short(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd", int(d.Hours())/24)
}

// lines say what the gate stands for, what AWS says and what that means.
func (g Gate) lines() []string {
	var lines []string
	for _, owner := range g.HoldsFor {
		lines = append(lines, "for "+owner)
	}
	return append(lines, g.Message, g.Means)
}
