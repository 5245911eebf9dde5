package balancer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// traceID is the value of X-Amzn-Trace-Id: a fresh root, or, where the client sent one, that root behind a new self.
// See "Request tracing for your Application Load Balancer" in the ALB guide.
func traceID(given string, now time.Time) string {
	fresh := fmt.Sprintf("1-%08x-%016x%08x", uint32(now.Unix()), rand.Uint64(), rand.Uint32())
	if !strings.Contains(given, "Root=") {
		if given == "" {
			return "Root=" + fresh
		}
		return "Root=" + fresh + ";" + given
	}
	return "Self=" + fresh + ";" + given
}
