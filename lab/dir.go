package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/sluice-lb/sluice/internal/iam"
)

// Dir is the directory of a lab. Its methods name the files in it.
type Dir string

// Kubeconfig is the administrator's.
func (d Dir) Kubeconfig() string { return d.file("kubeconfig") }

// AWSEnv is a shell file that points the AWS command line and SDKs at the lab.
func (d Dir) AWSEnv() string { return d.file("aws.env") }

// Ready is there while the lab is ready to be used.
func (d Dir) Ready() string { return d.file("ready") }

// Logs is the folder of log files.
func (d Dir) Logs() string { return d.file("logs") }

// ControllerKubeconfig holds the rights of the controller's service account and no others.
func (d Dir) ControllerKubeconfig() string { return d.file("controller.kubeconfig") }

// controllerKubeconfigOf is the same for a mode: a lab has an account for each.
func (d Dir) controllerKubeconfigOf(mode iam.Mode) string {
	if mode == iam.Full {
		return d.ControllerKubeconfig()
	}
	return d.file("controller-" + string(mode) + ".kubeconfig")
}

// ControllerPID holds the process id of the controller that runs now.
func (d Dir) ControllerPID() string { return d.file("controller.pid") }

// ControllerScript runs the controller as the lab would.
func (d Dir) ControllerScript() string { return d.file("controller.sh") }

// WebhookKubeconfig holds the rights of the webhook's service account and no others.
func (d Dir) WebhookKubeconfig() string { return d.file("webhook.kubeconfig") }

// WebhookPID holds the process id of the webhook that runs now.
func (d Dir) WebhookPID() string { return d.file("webhook.pid") }

func (d Dir) lock() string               { return d.file("lock") }
func (d Dir) state() string              { return d.file("state") }
func (d Dir) file(name string) string    { return filepath.Join(string(d), name) }
func (d Dir) log(name string) string     { return filepath.Join(d.Logs(), name+".log") }
func (d Dir) endpoint() string           { return d.file("aws.endpoint") }
func (d Dir) write(f, text string) error { return os.WriteFile(f, []byte(text), 0o600) }

// ours are the files that a lab leaves, and removes before it starts anew.
func (d Dir) ours() []string {
	return []string{
		d.Ready(), d.Kubeconfig(), d.AWSEnv(), d.endpoint(), d.Logs(), d.state(),
		d.ControllerKubeconfig(), d.controllerKubeconfigOf(iam.GatesOnly), d.controllerKubeconfigOf(iam.Observe), d.ControllerPID(), d.ControllerScript(), d.WebhookKubeconfig(), d.WebhookPID(),
	}
}

// occupy makes the directory, locks it for this process and clears what an earlier lab left. It
// does not touch a directory that holds anything else. The lock ends with the process.
func occupy(path string) (Dir, *os.File, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", nil, err
	}
	dir := Dir(absolute)
	if err := os.MkdirAll(absolute, 0o755); err != nil {
		return "", nil, fmt.Errorf("making the lab's directory: %w", err)
	}
	if err := dir.refuseForeign(); err != nil {
		return "", nil, err
	}
	lock, err := os.OpenFile(dir.lock(), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", nil, fmt.Errorf("locking the lab's directory: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return "", nil, fmt.Errorf("a lab is running in %s (process %s); stop it, or choose another --dir", path, dir.owner())
	}
	for _, file := range dir.ours() {
		if err := os.RemoveAll(file); err != nil {
			return "", nil, fmt.Errorf("clearing what an earlier lab left: %w", err)
		}
	}
	if err := os.MkdirAll(dir.Logs(), 0o755); err != nil {
		return "", nil, err
	}
	return dir, lock, errors.Join(lock.Truncate(0), dir.write(dir.lock(), fmt.Sprintln(os.Getpid())))
}

func (d Dir) owner() string {
	pid, err := os.ReadFile(d.lock())
	if err != nil || len(pid) == 0 {
		return "unknown"
	}
	return strings.TrimSpace(string(pid))
}

// refuseForeign keeps `--dir ~` from costing anybody a file.
func (d Dir) refuseForeign() error {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return err
	}
	known := append(d.ours(), d.lock())
	for _, entry := range entries {
		if !slices.Contains(known, d.file(entry.Name())) {
			return fmt.Errorf("%s holds %s, which is not a lab's; choose an empty or new directory with --dir", d, entry.Name())
		}
	}
	return nil
}

// Find returns the directory of a lab that is ready.
func Find(path string) (Dir, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	dir := Dir(absolute)
	if !dir.locked() {
		return "", fmt.Errorf("no lab is running in %s; start one with: sluice-lab up --dir %s", path, path)
	}
	if _, err := os.Stat(dir.Ready()); errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the lab in %s is still starting or already stopping; it is ready when %s is there", path, dir.Ready())
	} else if err != nil {
		return "", err
	}
	return dir, nil
}

func (d Dir) locked() bool {
	lock, err := os.Open(d.lock())
	if err != nil {
		return false
	}
	defer lock.Close()
	return syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}

// AWSEndpoint is the URL of the lab's AWS.
func (d Dir) AWSEndpoint() (string, error) {
	url, err := os.ReadFile(d.endpoint())
	return strings.TrimSpace(string(url)), err
}
