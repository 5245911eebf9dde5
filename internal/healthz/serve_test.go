package healthz

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/pflag"
)

// The whole program over HTTP: a required container falls ill, an optional one never was there, and after SIGTERM the
// endpoint goes on until the required one has gone.
func TestOneEndpointForAll(t *testing.T) {
	t.Parallel()
	var ill atomic.Bool
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if ill.Load() {
			http.Error(w, "warming up", http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(app.Close)
	gone := "tcp://" + goneAddress(t)
	options, err := Parse([]string{"--required", app.URL + "/ready", "--optional", gone, "--listen", goneAddress(t), "--reuse", "0"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	sigterm := make(chan struct{})
	ended := make(chan error, 1)
	go func() { ended <- options.Run(t.Context(), sigterm, io.Discard) }()
	url := "http://" + options.Listen + "/healthz"
	eventually(t, "it answers", func() bool { _, _, err := ask(url); return err == nil })

	ill.Store(true)
	status, got, err := ask(url)
	if err != nil {
		t.Fatal(err)
	}
	want := Report{State: Failing, Checks: []Result{
		{Check: app.URL + "/ready", Required: true, State: Failing, Error: `status 503: "warming up\n"`},
		{Check: gone, State: Failing, Error: "dial tcp " + strings.TrimPrefix(gone, "tcp://") + ": connect: connection refused"},
	}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Result{}, "Seconds")); diff != "" || status != http.StatusServiceUnavailable {
		t.Errorf("ill: status %d, report (-want +got):\n%s", status, diff)
	}
	if status, _, err := ask("http://" + options.Listen + AlivePath); err != io.EOF || status != http.StatusOK { //nolint:errorlint // json's Decode returns io.EOF itself for an empty body
		t.Errorf("alive while others are ill: status %d, %v", status, err)
	}
	ill.Store(false)
	if status, got, err := ask(url); err != nil || status != http.StatusOK || got.State != Passing {
		t.Errorf("well again, but for an optional one: status %d, %+v, %v", status, got, err)
	}

	close(sigterm)
	time.Sleep(1500 * time.Millisecond) // longer than it takes to look at the others again
	if status, _, err := ask(url); err != nil || status != http.StatusOK {
		t.Errorf("after SIGTERM, with the others still there: status %d, %v", status, err)
	}
	app.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the others are gone, and it stays")
	}
}

// The health check of a gRPC target group calls a method over HTTP/2.
func TestAnswersGRPC(t *testing.T) {
	t.Parallel()
	for state, want := range map[State]string{Passing: "0", Failing: "14"} {
		err := error(nil)
		if state == Failing {
			err = io.ErrUnexpectedEOF
		}
		all := &rounds{checks: []Check{{Required: true}}, timeout: time.Second, probe: func(context.Context, Check) error { return err }}
		server := newServer(all)
		listener := listen(t)
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() { server.Close() })
		protocols := new(http.Protocols)
		protocols.SetUnencryptedHTTP2(true)
		client := &http.Client{Transport: &http.Transport{Protocols: protocols}}
		answer, err := client.Post("http://"+listener.Addr().String()+"/AWS.ALB/healthcheck", "application/grpc", bytes.NewReader(make([]byte, 5)))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if got := answer.Header.Get("Grpc-Status"); got != want || answer.StatusCode != http.StatusOK {
			t.Errorf("%s: HTTP status %d, gRPC status %q, want 200 and %s", state, answer.StatusCode, got, want)
		}
	}
}

func TestParseNamesAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := Parse([]string{"--listen=8089", "--optional=ftp://:21", "--timeout=0s", "--reuse=-1s", "--shutdown=-1s"}, io.Discard)
	if err == nil {
		t.Fatal("nothing was refused")
	}
	for _, want := range []string{
		"--required=: give at least one check", "--listen=8089: give an address and a port, such as :8089", "--optional=ftp://:21: ",
		"--timeout=0s: give a time above 0", "--reuse=-1s: ", "--shutdown=-1s: ",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if _, err := Parse([]string{"http://:8080/"}, io.Discard); err == nil || !strings.Contains(err.Error(), "put --required or --optional before it") {
		t.Errorf("a check without a flag: %v", err)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var help strings.Builder
	if _, err := Parse([]string{"--help"}, &help); err != pflag.ErrHelp { //nolint:errorlint // pflag returns the value itself
		t.Errorf("error %v", err)
	}
	for _, want := range []string{"--required", "--optional", "--shutdown", "grpc://:9090/package.Service"} {
		if !strings.Contains(help.String(), want) {
			t.Errorf("%q is not in the help:\n%s", want, help.String())
		}
	}
}

func ask(url string) (status int, report Report, err error) {
	answer, err := http.Get(url)
	if err != nil {
		return 0, report, err
	}
	defer answer.Body.Close()
	err = json.NewDecoder(answer.Body).Decode(&report)
	return answer.StatusCode, report, err
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("it is not so that %s", what)
}
