package program

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Result is what a command inside a container gave.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Exec runs one of the few commands that every container of the lab has: true, false, echo, env,
// sleep, cat (of mounted files), and sh -c of a list of these joined by "&&" or ";".
func (p *Process) Exec(ctx context.Context, command []string) Result {
	p.prepare()
	if len(command) == 0 {
		return Result{Stderr: "no command\n", Code: 126}
	}
	args := command[1:]
	switch path.Base(command[0]) {
	case "true":
		return Result{}
	case "false":
		return Result{Code: 1}
	case "echo":
		return Result{Stdout: strings.Join(args, " ") + "\n"}
	case "env":
		return Result{Stdout: p.environment()}
	case "sleep":
		return p.sleep(ctx, args)
	case "cat":
		return p.cat(args)
	case "sh", "bash":
		return p.shell(ctx, args)
	}
	return Result{Stderr: fmt.Sprintf("%s: not found; containers of the lab have true, false, echo, env, sleep, cat and sh -c\n", command[0]), Code: 127}
}

func (p *Process) environment() string {
	var lines []string
	for name, value := range p.Env {
		lines = append(lines, name+"="+value+"\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func (p *Process) sleep(ctx context.Context, args []string) Result {
	var total time.Duration
	for _, arg := range args {
		seconds, err := strconv.ParseFloat(strings.TrimSuffix(arg, "s"), 64)
		if err != nil || seconds < 0 {
			return Result{Stderr: fmt.Sprintf("sleep: invalid time %q\n", arg), Code: 1}
		}
		total += time.Duration(seconds * float64(time.Second))
	}
	select {
	case <-time.After(total):
		return Result{}
	case <-p.kill:
	case <-ctx.Done():
	}
	return Result{Code: killed.Code}
}

func (p *Process) cat(files []string) Result {
	var out Result
	for _, file := range files {
		text, err := p.read(file)
		if err != nil {
			out.Stderr += fmt.Sprintf("cat: %s: no such file\n", file)
			out.Code = 1
		}
		out.Stdout += text
	}
	return out
}

// read looks a file up in the mounts, the longest path first.
func (p *Process) read(file string) (string, error) {
	file = path.Clean(file)
	best := Mount{}
	for _, mount := range p.Mounts {
		at := path.Clean(mount.Path)
		inside := file == at || strings.HasPrefix(file, at+"/")
		if inside && len(at) > len(best.Path) {
			best = Mount{Path: at, HostPath: mount.HostPath}
		}
	}
	if best.Path == "" {
		return "", os.ErrNotExist
	}
	text, err := os.ReadFile(filepath.Join(best.HostPath, strings.TrimPrefix(file, best.Path)))
	return string(text), err
}

func (p *Process) shell(ctx context.Context, args []string) Result {
	if len(args) < 2 || args[0] != "-c" {
		return Result{Stderr: "sh: only sh -c '<commands>' is to be had in the lab\n", Code: 2}
	}
	var all Result
	for line := range strings.SplitSeq(args[1], ";") {
		for part := range strings.SplitSeq(line, "&&") {
			words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(part), "exec "))
			if len(words) == 0 {
				continue
			}
			for i := range words {
				words[i] = strings.Trim(words[i], `'"`)
			}
			one := p.Exec(ctx, words)
			all = Result{Stdout: all.Stdout + one.Stdout, Stderr: all.Stderr + one.Stderr, Code: one.Code}
			if one.Code != 0 {
				break
			}
		}
	}
	return all
}
