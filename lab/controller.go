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
	restartAfter    = time.Second
	controllerReady = 60 * time.Second
	stopGrace       = 10 * time.Second
)

// controller is the controller's process. As under a kubelet it is started again when it ends.
type controller struct {
	dir     Dir
	command []string
	env     []string
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

func newController(l *Lab) (*controller, error) {
	control := l.block.Control()
	var listen []string
	for range 2 {
		port, err := address.FreePort(control, 0)
		if err != nil {
			return nil, err
		}
		listen = append(listen, control.String()+":"+strconv.Itoa(port))
	}
	return &controller{
		dir: l.dir, env: childEnvironment(l.cloud.URL()), health: listen[1], say: l.say, done: make(chan struct{}),
		command: append([]string{
			cmp.Or(l.binary, "sluice"), "--kubeconfig=" + l.dir.ControllerKubeconfig(), "--cluster-name=" + clusterName,
			"--aws-region=" + region, "--aws-vpc-id=" + vpcID(l.block), "--default-target-type=ip",
			"--metrics-bind-addr=" + listen[0], "--health-probe-bind-addr=" + listen[1],
		}, l.config.ControllerFlags...),
	}, nil
}

func (c *controller) start(ctx context.Context) {
	ctx, c.cancel = context.WithCancel(ctx)
	go c.run(ctx)
}

// stop returns when the process is gone.
func (c *controller) stop() {
	c.cancel()
	<-c.done
	os.Remove(c.dir.ControllerPID())
}

// run keeps the process running until the context ends, and then sees it off. It holds on to its
// thread: the kernel kills the child when the thread that started it ends, and so when we die.
func (c *controller) run(ctx context.Context) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(c.done)
	for ctx.Err() == nil {
		how := c.once(ctx)
		if ctx.Err() != nil {
			return
		}
		c.ends.Add(1)
		c.last.Store(&how)
		c.say("the controller ended (%s); it starts again in %s", how, restartAfter)
		select {
		case <-ctx.Done():
		case <-time.After(restartAfter):
		}
	}
}

func (c *controller) once(ctx context.Context) string {
	log, err := os.OpenFile(c.dir.log("sluice"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err.Error()
	}
	defer log.Close()
	command := exec.CommandContext(ctx, c.command[0], c.command[1:]...)
	command.Env, command.Stdout, command.Stderr = c.env, log, log
	// A process group of its own: Ctrl-C in the terminal is for the lab, which then stops the controller.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = stopGrace
	if err := command.Start(); err != nil {
		return err.Error()
	}
	if err := c.dir.write(c.dir.ControllerPID(), fmt.Sprintln(command.Process.Pid)); err != nil {
		c.say("writing the controller's process id: %v", err)
	}
	if err := command.Wait(); err != nil {
		return err.Error()
	}
	return "exit status 0"
}

// waitReady returns when the controller says that it is ready.
func (c *controller) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, controllerReady)
	defer cancel()
	for !c.ready(ctx) {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			how := "it still runs"
			if last := c.last.Load(); last != nil {
				how = fmt.Sprintf("it ended %d times, at last with %s", c.ends.Load(), *last)
			}
			return fmt.Errorf("the controller is not ready (%s); see %s", how, c.dir.log("sluice"))
		}
	}
	return nil
}

func (c *controller) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.health+"/readyz", nil)
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
