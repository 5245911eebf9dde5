package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/sluice-lb/sluice/lab"
	"github.com/sluice-lb/sluice/lab/spawn"
)

// step is a command of a page, with the exit code that the page says.
type step struct {
	command string
	code    int
}

// fence is a shell block. Blocks whose first line says more than "sh" are for clusters that no test has.
var fence = regexp.MustCompile("(?s)```sh\n(.*?)```")

// pageCommands are the commands of a page's shell blocks; one may have several lines, each but the last ending in "\".
func pageCommands(t *testing.T, page string) []step {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	for _, block := range fence.FindAllStringSubmatch(string(text), -1) {
		lines := strings.ReplaceAll(block[1], "\\\n", "")
		for line := range strings.Lines(lines) {
			command, says, _ := strings.Cut(strings.TrimSpace(line), " # exit code ")
			if command == "" || strings.HasPrefix(command, "#") {
				continue
			}
			code, _ := strconv.Atoi(says) // none: 0
			steps = append(steps, step{command, code})
		}
	}
	if len(steps) == 0 {
		t.Fatalf("%s has no commands", page)
	}
	return steps
}

// reader sits at a terminal, in a folder like the repository's after `make build`, and types what a page says.
type reader struct {
	t       *testing.T
	folder  string
	stdin   io.WriteCloser
	answers *bufio.Reader
}

// endOfStep is what the reader's shell prints after each command, with its exit code.
const endOfStep = "---- the command ended with "

// newReader opens a terminal. The environment is added to that of the tests.
func newReader(t *testing.T, environment ...string) *reader {
	t.Helper()
	r := &reader{t: t, folder: t.TempDir()}
	r.linkRepository()
	command := exec.Command("bash")
	command.Dir = r.folder
	command.Env = append(os.Environ(), environment...)
	var err error
	if r.stdin, err = command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = command.Stdout
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	r.answers = bufio.NewReader(out)
	t.Cleanup(func() {
		r.stdin.Close()
		_ = command.Wait() // the exit code of the last command
	})
	return r
}

// newReaderOf is a reader whose kubectl asks a lab that runs, and whose credentials are good for its AWS.
func newReaderOf(t *testing.T, lab *spawn.Lab) *reader {
	t.Helper()
	r := newReader(t, append(awsEnvironment(t, lab), "KUBECONFIG="+lab.Dir.Kubeconfig())...)
	r.follow(step{command: "export PATH=$PWD/bin:$PATH"})
	for _, program := range []string{"kubectl", "helm"} {
		r.follow(step{command: fmt.Sprintf("%[1]s() { sluice-lab %[1]s --dir '%[2]s' \"$@\"; }", program, lab.Dir)})
	}
	return r
}

// linkRepository has everything where the repository has it, and in bin/ the programs of this tree.
func (r *reader) linkRepository() {
	r.t.Helper()
	for _, name := range []string{"charts", "config", "docs", "examples"} {
		whole, err := filepath.Abs("../../" + name)
		if err != nil {
			r.t.Fatal(err)
		}
		if err := os.Symlink(whole, filepath.Join(r.folder, name)); err != nil {
			r.t.Fatal(err)
		}
	}
	controller, err := theController()
	if err != nil {
		r.t.Fatal(err)
	}
	plugin, err := thePlugin()
	if err != nil {
		r.t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	// A lab takes the controller beside its own program, which the tests' is not.
	up := fmt.Sprintf("if [ \"$1\" = up ]; then shift; set -- up --controller-binary='%s' --controller-flag=--aws-budget-share=1 \"$@\"; fi\n", controller)
	for file, script := range map[string]string{
		"bin/sluice-lab":     fmt.Sprintf("#!/bin/sh\n%s%s exec '%s' \"$@\"\n", up, asCommand, self),
		"bin/kubectl-sluice": fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\"\n", plugin),
		"bin/sluice":         fmt.Sprintf("#!/bin/sh\nexec '%s' \"$@\"\n", controller),
	} {
		r.write(file, script)
	}
}

func (r *reader) write(file, script string) {
	r.t.Helper()
	file = filepath.Join(r.folder, file)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(script), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

// follow types a command, and ends the test when it ends otherwise than the page says. It returns what was printed.
func (r *reader) follow(step step) string {
	r.t.Helper()
	if _, err := fmt.Fprintf(r.stdin, "%s\necho \"%s$?\"\n", step.command, endOfStep); err != nil {
		r.t.Fatal(err)
	}
	var out strings.Builder
	for {
		line, err := r.answers.ReadString('\n')
		if err != nil {
			r.t.Fatalf("%s: the shell has ended: %v\n%s", step.command, err, out.String())
		}
		before, code, over := strings.Cut(line, endOfStep)
		out.WriteString(before)
		if !over {
			continue
		}
		if want := strconv.Itoa(step.code); strings.TrimSpace(code) != want {
			r.t.Fatalf("%s ended with %s, and the page says %s:\n%s", step.command, strings.TrimSpace(code), want, out.String())
		}
		r.t.Logf("$ %s\n%s", step.command, out.String())
		return out.String()
	}
}

// startLab is the first terminal of a page that has two: the command goes on while the second is used.
func (r *reader) startLab(command string) {
	r.t.Helper()
	r.follow(step{command: command + " > lab.log 2>&1 & lab=$!"})
	r.t.Cleanup(func() {
		r.follow(step{command: "kill -INT $lab && wait $lab"})
	})
	ready := lab.Dir(filepath.Join(r.folder, ".lab")).Ready()
	eventually(r.t, "the lab is ready", func() bool {
		_, err := os.Stat(ready)
		return err == nil
	})
}

// pages are those whose shell blocks are run, and by which test.
var pages = map[string]string{
	"docs/quick-start.md":    "TestQuickStart",
	"docs/sluice-is-down.md": "TestSluiceIsDownAsThePageSays",
	"docs/switching.md":      "TestSwitchingAsThePageSays",
	"docs/trying.md":         "TestTryingAsThePageSays",
}

// A shell block that nobody runs must say in its first line for what cluster it is.
func TestEveryCommandOfThePagesIsRun(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range found {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		name := "docs/" + filepath.Base(page)
		if _, run := pages[name]; fence.Match(text) && !run {
			t.Errorf("%s has commands that no test runs; add it to the table of pages, or say for what cluster they are: ```sh eks", name)
		}
	}
}

// The page word by word, on a machine on which make build has been run: it ends in a gated rollout.
func TestQuickStart(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	for _, step := range pageCommands(t, "../../docs/quick-start.md") {
		switch step.command {
		case "make build": // what it makes is there
		case "bin/sluice-lab up":
			r.startLab(step.command)
		default:
			r.follow(step)
		}
	}
	out := r.follow(step{command: "kubectl -n shop get pods -o wide --no-headers | grep -v Terminating"})
	if open := strings.Count(out, "1/1"); open != 4 || strings.Contains(out, "0/1") { // READY and READINESS GATES of both
		t.Errorf("in the end the gates are not open:\n%s", out)
	}
	if env := r.follow(step{command: "kubectl -n shop get pods -o 'jsonpath={.items[*].spec.containers[0].env[0].value}'; echo"}); !strings.Contains(env, "2") {
		t.Errorf("in the end no Pod is of the new release: %s", env)
	}
}
