package lab

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sluice-lb/sluice/lab/address"
)

const (
	restartAfter = time.Second
	readyWithin  = 60 * time.Second
	stopGrace    = 10 * time.Second
)

// process is the controller, or the webhook beside it. As under a kubelet it is started again
// when it ends.
type process struct {
	name    string // for people
	command []string
	env     []string
	log     string // file that it writes to
	pid     string // file with its process id
	health  string // host:port
	say     func(format string, args ...any)

	ends atomic.Int64
	last atomic.Pointer[string] // how it ended the last time

	cancel context.CancelFunc
	done   chan struct{}
}

// findController returns the binary to run: the given one, or that beside our own.
func findController(given string) (string, error) {
	if given == "" {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		given = filepath.Join(filepath.Dir(self), "sluice")
	}
	found, err := exec.LookPath(given)
	if err != nil {
		return "", fmt.Errorf("finding the controller: %w; build it with `make build`, name it with --controller-binary, or run without by --controller=false", err)
	}
	return filepath.Abs(found)
}

func newController(l *Lab) (*process, error) {
	listen, err := l.freeAddresses(2)
	if err != nil {
		return nil, err
	}
	return &process{
		name: "controller", env: l.controllerEnvironment(l.config.ControllerFlags), health: listen[1], say: l.say, done: make(chan struct{}),
		log: l.dir.log("sluice"), pid: l.dir.ControllerPID(),
		command: append([]string{
			cmp.Or(l.binary, "sluice"), "--kubeconfig=" + l.dir.controllerKubeconfigOf(modeOf(l.config.ControllerFlags)), "--cluster-name=" + clusterName,
			"--aws-region=" + region, "--aws-vpc-id=" + vpcID(l.block), "--default-target-type=ip",
			"--metrics-bind-addr=" + listen[0], "--health-probe-bind-addr=" + listen[1],
		}, l.config.ControllerFlags...),
	}, nil
}

// freeAddresses are host:port that nobody listens on.
func (l *Lab) freeAddresses(n int) ([]string, error) {
	control := l.block.Control()
	var free []string
	for range n {
		port, err := address.FreePort(control, 0)
		if err != nil {
			return nil, err
		}
		free = append(free, control.String()+":"+strconv.Itoa(port))
	}
	return free, nil
}

func (p *process) start(ctx context.Context) {
	ctx, p.cancel = context.WithCancel(ctx)
	go p.run(ctx)
}

// stop returns when the process is gone.
func (p *process) stop() {
	p.cancel()
	<-p.done
	os.Remove(p.pid)
}

// run keeps the process running until the context ends, and then sees it off. It holds on to its
// thread: the kernel kills the child when the thread that started it ends, and so when we die.
func (p *process) run(ctx context.Context) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.done)
	for ctx.Err() == nil {
		how := p.once(ctx)
		if ctx.Err() != nil {
			return
		}
		p.ends.Add(1)
		p.last.Store(&how)
		p.say("the %s ended (%s); it starts again in %s", p.name, how, restartAfter)
		select {
		case <-ctx.Done():
		case <-time.After(restartAfter):
		}
	}
}

func (p *process) once(ctx context.Context) string {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err.Error()
	}
	defer log.Close()
	command := exec.CommandContext(ctx, p.command[0], p.command[1:]...)
	command.Env, command.Stdout, command.Stderr = p.env, log, log
	// A process group of its own: Ctrl-C in the terminal is for the lab, which then stops the process.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = stopGrace
	if err := command.Start(); err != nil {
		return err.Error()
	}
	if err := os.WriteFile(p.pid, fmt.Appendln(nil, command.Process.Pid), 0o600); err != nil {
		p.say("writing the process id of the %s: %v", p.name, err)
	}
	if err := command.Wait(); err != nil {
		return err.Error()
	}
	return "exit status 0"
}

// waitReady returns when the process says that it is ready.
func (p *process) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for !p.ready(ctx) {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			how := "it still runs"
			if last := p.last.Load(); last != nil {
				how = fmt.Sprintf("it ended %d times, at last with %s", p.ends.Load(), *last)
			}
			return fmt.Errorf("the %s is not ready (%s); see %s", p.name, how, p.log)
		}
	}
	return nil
}

func (p *process) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.health+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}
