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
	mu    sync.Mutex
	out   io.Writer
	width int  // of the terminal, or 0 if it is none
	over  bool // the cursor is at the end of a state
	next  time.Time
}

const repeatEvery = 5 * time.Second

func newProgress(out io.Writer) *progress {
	p := &progress{out: out}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		p.width = 80
		if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 1 {
			p.width = width
		}
	}
	return p
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
	if p.width > 0 {
		p.clear()
		fmt.Fprint(p.out, line[:min(len(line), p.width-1)]) // a line that wraps cannot be written over
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

// follow reports the sides once a second until done, and leaves a clean line.
func (p *progress) follow(sides []*running, done <-chan struct{}) {
	began := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-done:
			p.mu.Lock()
			p.clear()
			p.mu.Unlock()
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
	line := fmt.Sprintf("%s %d, %d lost", r.side.name, loss.Requests, loss.Failed)
	if r.times != nil {
		pods, ready := r.times.counts()
		line += fmt.Sprintf(", %d/%d ready", ready, pods)
	}
	return line
}
