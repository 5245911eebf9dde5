package ingress

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/model"
)

// joint is what the members of a stack say together.
type joint struct {
	*Snapshot
	parts    []*part // all, in order
	accepted []*part
	said     map[string]statement
	problems []model.Problem
	// hopeless: the load balancer cannot be made, whatever the members say.
	hopeless bool
}

// statement is a value and the member that stated it first.
type statement struct {
	value string
	by    model.Object
}

// join takes members in their order. A member that is wrong by itself, or contradicts
// one before it, is rejected with a problem, and says nothing to the whole.
func join(snapshot Snapshot) *joint {
	j := &joint{Snapshot: &snapshot, said: map[string]statement{}}
	for _, member := range snapshot.Members {
		p := newPart(&snapshot, member)
		says := p.says()
		slices.SortFunc(says, func(a, b say) int { return cmp.Compare(a.key, b.key) })
		j.contradictions(p, says)
		j.parts = append(j.parts, p)
		if p.rejected() {
			continue
		}
		j.accepted = append(j.accepted, p)
		for _, s := range says {
			if _, known := j.said[s.key]; !known {
				j.said[s.key] = statement{s.value, p.object()}
			}
		}
	}
	if len(j.accepted) > 0 {
		j.checkSubnets()
		j.warnOfScheme()
	}
	for _, p := range j.parts {
		j.problems = append(j.problems, p.problems...)
	}
	return j
}

func (j *joint) contradictions(p *part, says []say) {
	for _, s := range says {
		before, known := j.said[s.key]
		if !known || before.value == s.value {
			continue
		}
		if port, ok := strings.CutPrefix(s.key, "default-backend/"); ok {
			p.complain(s.field, "ConflictInGroup", fmt.Sprintf("port %s has the default backend of %s, which comes before it in the group", port, before.by),
				"keep one default backend a port, or take one Ingress out of the group")
		} else {
			p.complain(s.field, "ConflictInGroup",
				fmt.Sprintf("%s is %q, but %s, which comes before it in the group, says %q", s.key, s.value, before.by, before.value),
				"say the same in both, or take one out of the group")
		}
	}
}

// value is what the members say of a key; "" when none does.
func (j *joint) value(key string) string { return j.said[key].value }

// values are the entries that members state under a prefix, by the rest of their keys.
func (j *joint) values(prefix string) map[string]string {
	out := map[string]string{}
	for key, s := range j.said {
		if len(key) > len(prefix) && key[:len(prefix)] == prefix {
			out[key[len(prefix):]] = s.value
		}
	}
	return out
}

// incomplete: a member that is rejected may have said something that nobody says now.
func (j *joint) incomplete() bool { return len(j.accepted) < len(j.parts) }

// ports that any accepted member listens on, ascending.
func (j *joint) ports() []int32 {
	var ports []int32
	for _, p := range j.accepted {
		ports = append(ports, p.ports...)
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}
