package localaws

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/fault"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// Faults is the table of what goes wrong on purpose.
func (c *Cloud) Faults() *fault.Table { return c.faults }

// injected is the error of a fault, in AWS's words where there is only one way to say it.
func injected(code string) error {
	message, ok := map[string]string{
		"ThrottlingException":  "Rate exceeded",
		"Throttling":           "Rate exceeded",
		"RequestLimitExceeded": "Request limit exceeded.",
	}[code]
	if !ok {
		message = "A fault of the local AWS: " + code
	}
	return &wire.Error{Status: fault.StatusOf(code), Code: code, Message: message}
}

// cutShort answers a call that a fault keeps from AWS altogether, and reports whether it did.
func (c *Cloud) cutShort(w http.ResponseWriter, verdict fault.Verdict, call Call) bool {
	if verdict.Status == 0 {
		return false
	}
	call.Result = strconv.Itoa(verdict.Status)
	c.journal.note(call)
	w.WriteHeader(verdict.Status)
	return true
}

// lose breaks the connection of a call whose answer is to be lost. The server ends the handler and closes the connection.
func (c *Cloud) lose(verdict fault.Verdict) {
	if verdict.LoseAnswer {
		panic(http.ErrAbortHandler)
	}
}

// present is a copy of the services that can answer from the past.
func (c *Cloud) present() map[string]wire.Service {
	return map[string]wire.Service{"elbv2": c.elb.Frozen()}
}

// verdict is what the faults make of a call. Only ELBv2 keeps its past, and only reading calls can see it; for others a
// stale fault is none.
func (c *Cloud) verdict(service, operation string) fault.Verdict {
	verdict := c.faults.Match(service, operation)
	if verdict.Stale != 0 && (service != "elbv2" || !strings.HasPrefix(operation, "Describe")) {
		verdict.Stale, verdict.Kind = 0, ""
	}
	return verdict
}

// asOf is the service that answers a call, as it was a while ago.
func (c *Cloud) asOf(name string, ago time.Duration) wire.Service {
	if ago != 0 {
		if past, ok := c.past.Ago(ago); ok {
			return past[name]
		}
	}
	return c.services[name]
}

// addFault is Admin.AddFault's other side.
func (c *Cloud) addFault(w http.ResponseWriter, r *http.Request) {
	var rule fault.Rule
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&rule)
	if err == nil {
		rule, err = c.faults.Add(rule)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	c.complain(json.NewEncoder(w).Encode(rule))
}
