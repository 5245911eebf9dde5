package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sluice-lb/sluice/lab/address"
)

// HandoverReport is what Handover measured: seconds from the signal until a gate opened whose
// leader is another one.
type HandoverReport struct {
	Killed float64 `json:"killedSeconds"`
	Clean  float64 `json:"cleanSeconds"`
}

// WriteJSON writes the report as one line of JSON.
func (r *HandoverReport) WriteJSON(out io.Writer) error { return json.NewEncoder(out).Encode(r) }

// WriteText writes the report for people.
func (r *HandoverReport) WriteText(out io.Writer) error {
	_, err := fmt.Fprintf(out, "gates move again %.1f s after the leader was killed, and %.1f s after it was asked to end\n", r.Killed, r.Clean)
	return err
}

// Handover starts thirty Pods under two replicas of the controller, ends the leader while their gates
// open, and measures when the next one does; once with SIGKILL and once with SIGTERM.
func Handover(ctx context.Context, config Config) (*HandoverReport, error) {
	return run(ctx, config, (*bench).handover)
}

func (b *bench) handover(ctx context.Context) (*HandoverReport, error) {
	if err := b.gateScene(ctx, 1, 0); err != nil {
		return nil, err
	}
	pods, err := b.watchPods(ctx)
	if err != nil {
		return nil, err
	}
	second, err := b.startReplica(ctx)
	if err != nil {
		return nil, err
	}
	defer second.end()
	first, err := b.firstReplica()
	if err != nil {
		return nil, err
	}
	report := &HandoverReport{}
	for _, end := range []struct {
		how    syscall.Signal
		result *float64
	}{{syscall.SIGKILL, &report.Killed}, {syscall.SIGTERM, &report.Clean}} {
		took, err := b.endLeader(ctx, pods, []*replica{first, second}, end.how)
		if err != nil {
			return nil, err
		}
		*end.result = took.Round(time.Millisecond).Seconds()
		b.say("%s: %s", end.how, took)
		if err := b.clear(ctx); err != nil {
			return nil, err
		}
	}
	return report, nil
}

func (b *bench) endLeader(ctx context.Context, pods *starts, replicas []*replica, how syscall.Signal) (time.Duration, error) {
	const all, some = 30, 8
	began := time.Now()
	if err := b.scale(ctx, 0, all); err != nil {
		return 0, err
	}
	if _, err := b.awaitOpen(ctx, pods, began, some); err != nil {
		return 0, err
	}
	at := slices.IndexFunc(replicas, func(r *replica) bool { return r.leads(ctx) })
	if at < 0 {
		return 0, fmt.Errorf("no replica leads")
	}
	pid, err := replicas[at].pid()
	if err != nil {
		return 0, err
	}
	ended := time.Now()
	if err := syscall.Kill(int(pid), how); err != nil {
		return 0, fmt.Errorf("ending the leader, process %d: %w", pid, err)
	}
	list, err := b.awaitOpen(ctx, pods, began, all)
	if err != nil {
		return 0, err
	}
	return firstAfter(list, ended)
}

// firstAfter is how long after a time the next gate opened. What the leader wrote in the instant
// before its end may arrive in that after it.
func firstAfter(list []moments, ended time.Time) (time.Duration, error) {
	const inFlight = 100 * time.Millisecond
	next := time.Duration(-1)
	for _, m := range list {
		if took := m.open.Sub(ended); took > inFlight && (next < 0 || took < next) {
			next = took
		}
	}
	if next < 0 {
		return 0, fmt.Errorf("no gate opened after the leader's end: it came too late")
	}
	return next, nil
}

// replica is one process of the controller.
type replica struct {
	metrics string // host:port
	pid     func() (process, error)
	end     func()
}

// firstReplica is the one that the lab runs.
func (b *bench) firstReplica() (*replica, error) {
	script, err := os.ReadFile(b.lab.Dir.ControllerScript())
	if err != nil {
		return nil, err
	}
	found := regexp.MustCompile(`--metrics-bind-addr=(\S+)`).FindSubmatch(script)
	if found == nil {
		return nil, fmt.Errorf("%s does not say where the controller's metrics are", b.lab.Dir.ControllerScript())
	}
	return &replica{metrics: string(found[1]), pid: b.controllerProcess}, nil
}

// startReplica starts a second one, which is a standby as long as the first leads. When it ends,
// it stays so: the lab's own comes back.
func (b *bench) startReplica(ctx context.Context) (*replica, error) {
	metrics, err := freeAddress()
	if err != nil {
		return nil, err
	}
	probes, err := freeAddress()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(b.lab.Dir.Logs(), "second.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := exec.CommandContext(ctx, "sh", b.lab.Dir.ControllerScript(), "--metrics-bind-addr="+metrics, "--health-probe-bind-addr="+probes)
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting a second controller: %w", err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = command.Wait() }()
	r := &replica{
		metrics: metrics,
		pid:     func() (process, error) { return process(command.Process.Pid), nil },
		end:     func() { _ = command.Process.Signal(syscall.SIGTERM); <-done },
	}
	err = b.await(ctx, func(ctx context.Context) (string, error) {
		if body, _ := get(ctx, "http://"+probes+"/readyz"); body == "ok" {
			return "", nil
		}
		return "the second controller is not ready", nil
	})
	if err != nil {
		r.end()
		return nil, err
	}
	return r, nil
}

// leads asks the replica's metrics.
func (r *replica) leads(ctx context.Context) bool {
	body, err := get(ctx, "http://"+r.metrics+"/metrics")
	if err != nil {
		return false
	}
	for lines := bufio.NewScanner(strings.NewReader(body)); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "leader_election_master_status") && strings.HasSuffix(lines.Text(), " 1") {
			return true
		}
	}
	return false
}

func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// freeAddress is a host:port that nobody listens on.
func freeAddress() (string, error) {
	local := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	port, err := address.FreePort(local, 0)
	return netip.AddrPortFrom(local, uint16(port)).String(), err
}
