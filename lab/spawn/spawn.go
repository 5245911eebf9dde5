// Package spawn runs a lab in a process of its own, for the demo and for tests.
//
// In go a directory and flags of `sluice-lab up`; out comes a lab that is ready, or the reason why
// not. It ends with Stop, and in any case with this process: the kernel sees to that.
//
//	l, err := spawn.Start(ctx, spawn.Config{Dir: dir, Progress: os.Stderr})
//	defer l.Stop()
package spawn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/sluice-lb/sluice/lab"
)

const (
	readyWithin = 2 * time.Minute
	stopGrace   = 30 * time.Second
)

// Config is the lab to start.
type Config struct {
	Dir      string
	Flags    []string  // of `sluice-lab up`, less --dir
	Env      []string  // added to this process's own
	Progress io.Writer // what the lab says; nil for nowhere
}

// Lab is a lab in another process.
type Lab struct {
	Dir lab.Dir

	process *os.Process
	done    chan struct{} // closed when the process is gone
	err     error         // how it ended; read after done
}

// Start runs this very program with the arguments of `up` and returns when the lab is ready.
func Start(ctx context.Context, config Config) (*Lab, error) {
	l := &Lab{done: make(chan struct{})}
	started := make(chan error)
	go l.run(config, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting a lab: %w", err)
	}
	if err := l.wait(ctx, config.Dir); err != nil {
		return nil, errors.Join(err, l.Stop())
	}
	return l, nil
}

// run holds on to its thread: the kernel kills the child when the thread that started it ends.
func (l *Lab) run(config Config, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(l.done)
	self, err := os.Executable()
	if err != nil {
		started <- err
		return
	}
	command := exec.Command(self, append([]string{"up", "--dir=" + config.Dir}, config.Flags...)...) // no context: Stop ends it, gently
	command.Env = append(os.Environ(), config.Env...)
	command.Stdout, command.Stderr = config.Progress, config.Progress
	// A process group of its own, so that Ctrl-C in a terminal reaches us and not the lab.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		started <- err
		return
	}
	l.process = command.Process
	started <- nil
	l.err = command.Wait()
}

func (l *Lab) wait(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		var err error
		if l.Dir, err = lab.Find(dir); err == nil {
			return nil
		}
		select {
		case <-l.done:
			return fmt.Errorf("the lab ended before it was ready: %w", l.ending())
		case <-ctx.Done():
			return fmt.Errorf("waiting for the lab: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// ending is how the process ended; it is for after done.
func (l *Lab) ending() error {
	if l.err == nil {
		return errors.New("exit status 0")
	}
	return l.err
}

// PID is the lab's process.
func (l *Lab) PID() int { return l.process.Pid }

// Done is closed when the lab has ended, by Stop or by itself.
func (l *Lab) Done() <-chan struct{} { return l.done }

// Stop ends the lab as Ctrl-C would and returns when it is gone. Stopping twice is fine.
func (l *Lab) Stop() error {
	if err := l.process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-l.done:
		return nil
	case <-time.After(stopGrace):
		return errors.Join(fmt.Errorf("the lab did not stop within %s and was killed", stopGrace), l.process.Kill())
	}
}
