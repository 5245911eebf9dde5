package program

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Web is what the environment of sluice.lab/web says. The zero value serves 200 at once and, on
// SIGTERM, finishes what it has.
//
//	START_DELAY=2s                      listen only after this time
//	PATHS=/ready=503,/slow=200:2s       status and delay by exact path; all others answer 200 at once
//	ON_SIGTERM=finish                   stop listening, finish the requests that are there, exit
//	ON_SIGTERM=stop                     exit at once; open connections are cut
//	ON_SIGTERM=serve:10s                serve on for this time, then finish
//	EXIT=1:30s                          exit with this code, this time after the start
//	VERSION=v2                          part of each answer
//	LOG_REQUESTS=true                   a log line for each request but probes
//
// PATHS can be changed in a running Pod: POST /-/paths?path=/ready&answer=503.
type Web struct {
	StartDelay  time.Duration
	Paths       map[string]Answer
	OnTerm      OnTerm
	ServeOn     time.Duration // with OnTerm == Serve
	ExitCode    int
	ExitAfter   time.Duration // 0 for never
	Version     string
	LogRequests bool
}

// Answer is how a path is answered.
type Answer struct {
	Status int
	Delay  time.Duration
}

// OnTerm is what a process does on SIGTERM.
type OnTerm string

const (
	// Finish stops listening and finishes the requests that are there.
	Finish OnTerm = ""
	// Stop closes everything at once.
	Stop OnTerm = "stop"
	// Serve serves on for a time and then does as Finish.
	Serve OnTerm = "serve"
)

// ParseWeb reads the environment; all complaints come together.
func ParseWeb(env map[string]string) (Web, error) {
	web := Web{Paths: map[string]Answer{}, Version: env["VERSION"]}
	var problems []error
	complain := func(name string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("environment %s=%s: %w", name, env[name], err))
		}
	}
	var err error
	web.StartDelay, err = parseDuration(env["START_DELAY"])
	complain("START_DELAY", err)
	for rule := range strings.SplitSeq(env["PATHS"], ",") {
		if rule = strings.TrimSpace(rule); rule != "" {
			complain("PATHS", parsePath(rule, web.Paths))
		}
	}
	web.OnTerm, web.ServeOn, err = parseOnTerm(env["ON_SIGTERM"])
	complain("ON_SIGTERM", err)
	if exit := env["EXIT"]; exit != "" {
		web.ExitCode, web.ExitAfter, err = parseExit(exit)
		complain("EXIT", err)
	}
	web.LogRequests, err = strconv.ParseBool(cmp.Or(env["LOG_REQUESTS"], "false"))
	complain("LOG_REQUESTS", err)
	return web, errors.Join(problems...)
}

func parsePath(rule string, into map[string]Answer) error {
	path, text, found := strings.Cut(rule, "=")
	if !found || !strings.HasPrefix(path, "/") {
		return fmt.Errorf("%q is not of the form /path=status or /path=status:delay", rule)
	}
	answer, err := parseAnswer(text)
	into[path] = answer
	return err
}

func parseAnswer(text string) (Answer, error) {
	code, delay, _ := strings.Cut(text, ":")
	status, err := strconv.Atoi(code)
	if err != nil || status < 100 || status > 599 || http.StatusText(status) == "" {
		return Answer{}, fmt.Errorf("%q is not an HTTP status", code)
	}
	wait, err := parseDuration(delay)
	return Answer{Status: status, Delay: wait}, err
}

func parseOnTerm(text string) (OnTerm, time.Duration, error) {
	mode, arg, _ := strings.Cut(text, ":")
	switch {
	case text == "" || text == "finish":
		return Finish, 0, nil
	case text == "stop":
		return Stop, 0, nil
	case mode == "serve" && arg != "":
		d, err := parseDuration(arg)
		return Serve, d, err
	}
	return Finish, 0, errors.New("want finish, stop or serve:<duration>, such as serve:10s")
}

func parseExit(text string) (int, time.Duration, error) {
	code, after, _ := strings.Cut(text, ":")
	n, err := strconv.Atoi(code)
	if err != nil || n < 0 || n > 255 {
		return 0, 0, fmt.Errorf("%q is not an exit code; want <code>:<duration>, such as 1:30s", code)
	}
	d, err := parseDuration(after)
	return n, max(d, time.Millisecond), err
}

func parseDuration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 2s or 500ms", text)
	}
	return d, nil
}
