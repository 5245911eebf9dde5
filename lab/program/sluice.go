package program

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// isSluice tells whether an image is Sluice's, wherever it is kept.
func isSluice(image string) bool { return path.Base(nameOf(image)) == "sluice" }

// accountPath is where a kubelet mounts the token of a Pod's service account.
const accountPath = "/var/run/secrets/kubernetes.io/serviceaccount"

// sluice runs the real controller, or what its first argument says, as a process of this machine. Two things
// are not as in a container: the service account is at the mount's own path, which a kubeconfig names, and all
// Pods share one network, so "all addresses" means the Pod's own.
func (p *Process) sluice() Exit {
	if len(p.Args) > 0 && p.Args[0] == "healthz" {
		return p.healthz(p.Args[1:])
	}
	if p.Host.Sluice == "" {
		return p.refuse(errors.New("the lab has no controller to run: build it with `make build`, or name it with --controller-binary"))
	}
	dir, err := os.MkdirTemp("", "sluice-pod-")
	if err != nil {
		return p.refuse(err)
	}
	defer os.RemoveAll(dir)
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := p.writeKubeconfig(kubeconfig); err != nil {
		return p.refuse(err)
	}
	command := exec.Command(p.Host.Sluice, append(slices.Clone(p.Args), p.flags(kubeconfig)...)...)
	if p.Host.Env != nil {
		command.Env = p.Host.Env(p.Args)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Env)) {
		command.Env = append(command.Env, name+"="+p.Env[name])
	}
	return p.runChild(command)
}

func (p *Process) refuse(err error) Exit {
	p.print("%v", err)
	return failed(err)
}

// writeKubeconfig says who the Pod is. The token's file is read anew every time it changes.
func (p *Process) writeKubeconfig(file string) error {
	i := slices.IndexFunc(p.Mounts, func(m Mount) bool { return filepath.Clean(m.Path) == accountPath })
	if i < 0 {
		return fmt.Errorf("no service account is mounted at %s: automountServiceAccountToken is false", accountPath)
	}
	mounted := p.Mounts[i].HostPath
	config := clientcmdapi.NewConfig()
	config.Clusters["lab"] = &clientcmdapi.Cluster{Server: p.Host.APIServer, CertificateAuthority: filepath.Join(mounted, "ca.crt")}
	config.AuthInfos["pod"] = &clientcmdapi.AuthInfo{TokenFile: filepath.Join(mounted, "token")}
	config.Contexts["pod"] = &clientcmdapi.Context{Cluster: "lab", AuthInfo: "pod", Namespace: p.Namespace}
	config.CurrentContext = "pod"
	return clientcmd.WriteToFile(*config, file)
}

// flags are added to those of the container; the last one counts.
func (p *Process) flags(kubeconfig string) []string {
	flags := []string{"--kubeconfig=" + kubeconfig}
	if p.runs("retire") {
		return flags
	}
	for flag, standard := range map[string]string{"--metrics-bind-addr": ":8080", "--health-probe-bind-addr": ":61779"} {
		address := cmp.Or(p.valueOf(flag), standard)
		if strings.HasPrefix(address, ":") {
			flags = append(flags, flag+"="+p.Address.String()+address)
		}
	}
	if p.runs("webhook") {
		flags = append(flags, "--webhook-bind-host="+p.Address.String())
	}
	slices.Sort(flags)
	return flags
}

func (p *Process) runs(command string) bool { return len(p.Args) > 0 && p.Args[0] == command }

// valueOf is what the container's last argument of that name says.
func (p *Process) valueOf(flag string) string {
	for _, arg := range slices.Backward(p.Args) {
		if value, found := strings.CutPrefix(arg, flag+"="); found {
			return value
		}
	}
	return ""
}

// runChild sees a process of this machine through, with the signals of a container. It holds on to its thread:
// the kernel kills the child when the thread that started it ends, and so when the lab dies.
func (p *Process) runChild(command *exec.Cmd) Exit {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	log := &lineWriter{to: lines{p}}
	defer log.flush()
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		return p.refuse(err)
	}
	ended := make(chan struct{})
	var signals sync.WaitGroup
	signals.Go(func() { p.pass(command.Process, ended) })
	err := command.Wait()
	close(ended)
	signals.Wait()
	return exitOf(command.ProcessState, err)
}

// pass passes on SIGTERM and SIGKILL until the child has ended. A child that has ended just before misses nothing.
func (p *Process) pass(child *os.Process, ended <-chan struct{}) {
	term := p.term
	for {
		select {
		case <-ended:
			return
		case <-term:
			_ = child.Signal(syscall.SIGTERM)
			term = nil // once
		case <-p.kill:
			_ = child.Kill()
			return
		}
	}
}

func exitOf(state *os.ProcessState, err error) Exit {
	if err == nil {
		return completed
	}
	if state == nil {
		return failed(err)
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return Exit{Code: 128 + int(status.Signal()), Reason: "Error"}
	}
	return Exit{Code: state.ExitCode(), Reason: "Error"}
}

// lineWriter makes one Write of each line.
type lineWriter struct {
	to   lines
	mu   sync.Mutex
	rest []byte
}

func (w *lineWriter) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, text...)
	for {
		line, after, found := bytes.Cut(w.rest, []byte("\n"))
		if !found {
			return len(text), nil
		}
		w.to.print("%s", line)
		w.rest = after
	}
}

// flush writes what ended without a newline.
func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.to.print("%s", w.rest)
	}
}
