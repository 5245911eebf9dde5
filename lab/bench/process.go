package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// process is one that runs on this machine.
type process int

// controllerProcess is the controller that runs now.
func (b *bench) controllerProcess() (process, error) {
	text, err := os.ReadFile(b.lab.Dir.ControllerPID())
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return process(pid), err
}

// ticks a second in which Linux counts CPU time, on every architecture that Go knows (proc(5), sysconf(_SC_CLK_TCK)).
const ticks = 100

// cpu is how long the process has computed, for itself and in the kernel.
func (p process) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
	if err != nil {
		return 0, err
	}
	// The second field is the name in parentheses and may hold spaces; utime and stime are the 14th and 15th.
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	var sum int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading the CPU time of process %d: %w", p, err)
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks, nil
}

// Kinds of memory, as Linux calls them (proc(5), /proc/PID/status).
const (
	resident = "VmRSS:" // now
	peak     = "VmHWM:" // the most until now
)

// memory is what the process holds, in MiB.
func (p process) memory(kind string) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), kind)
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	kib, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, fmt.Errorf("reading %s of process %d: %w", kind, p, err)
	}
	return float64(int(kib/1024*10)) / 10, nil
}
