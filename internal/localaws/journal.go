package localaws

import (
	"cmp"
	"slices"
	"sync"
)

// Call says how often an operation of a service had a result: "ok" or an error code, or an HTTP status where a fault put
// one in AWS's place. The result is what AWS did, whether the caller heard of it or not: a call whose answer was lost is
// "ok" too, and marked.
type Call struct {
	Service   string `json:"service"`
	Operation string `json:"operation"`
	Result    string `json:"result"`
	Role      string `json:"role,omitempty"`  // ARN of the assumed role whose credentials signed it; empty for others
	Fault     string `json:"fault,omitempty"` // "code", "status", "stale" or "lost-answer" if a fault met the call
	Count     int    `json:"count"`
}

// journal counts calls. The zero value is ready.
type journal struct {
	mu     sync.Mutex
	counts map[Call]int // Count is 0 in the keys
}

func (j *journal) note(call Call) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.counts == nil {
		j.counts = map[Call]int{}
	}
	j.counts[call]++
}

// read returns the counts, sorted, and clears them if asked to; no call falls between the two.
func (j *journal) read(reset bool) []Call {
	j.mu.Lock()
	defer j.mu.Unlock()
	calls := make([]Call, 0, len(j.counts))
	for call, count := range j.counts {
		call.Count = count
		calls = append(calls, call)
	}
	if reset {
		j.counts = nil
	}
	slices.SortFunc(calls, func(a, b Call) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Operation, b.Operation),
			cmp.Compare(a.Result, b.Result), cmp.Compare(a.Role, b.Role), cmp.Compare(a.Fault, b.Fault))
	})
	return calls
}
