package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress writes lines for a person: steps as they are, and a state that is written over on a
// terminal and repeated every few seconds elsewhere.
type progress struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	over     bool // the cursor is at the end of a state
	next     time.Time
}

const repeatEvery = 5 * time.Second

func newProgress(out io.Writer) *progress {
	file, isFile := out.(*os.File)
	return &progress{out: out, terminal: isFile && term.IsTerminal(int(file.Fd()))}
}

// Write lets a lab tell its steps.
func (p *progress) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	return p.out.Write(text)
}

func (p *progress) say(format string, args ...any) {
	fmt.Fprintf(p, format+"\n", args...)
}

func (p *progress) state(now time.Time, line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		p.clear()
		fmt.Fprint(p.out, line)
		p.over = true
		return
	}
	if now.Before(p.next) {
		return
	}
	p.next = now.Add(repeatEvery)
	fmt.Fprintln(p.out, line)
}

// clear needs p.mu.
func (p *progress) clear() {
	if p.over {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.over = false
	}
}

// follow reports the sides once a second until the context ends.
func (p *progress) follow(sides []*running, done <-chan struct{}) {
	began := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case now := <-tick.C:
			parts := []string{fmt.Sprintf("%4.0fs", now.Sub(began).Seconds())}
			for _, side := range sides {
				parts = append(parts, side.line(now))
			}
			p.state(now, strings.Join(parts, " | "))
		}
	}
}

// line is short, so that three of them fit a terminal.
func (r *running) line(now time.Time) string {
	loss := r.load.tally.loss(now)
	line := fmt.Sprintf("%s %d requests, %d failed", r.side.name, loss.Requests, loss.Failed)
	if r.times != nil {
		pods, ready := r.times.counts()
		line += fmt.Sprintf(", %d of %d new Pods ready", ready, pods)
	}
	return line
}
