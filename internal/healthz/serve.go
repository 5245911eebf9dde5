package healthz

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
)

// AlivePath says that the endpoint itself runs, and asks nobody: for its own container's probes. Every other path is
// answered with the health of all, so that no path can be the wrong one.
const AlivePath = "/-/alive"

const (
	lookAgain = time.Second     // after SIGTERM, at the others
	finish    = 2 * time.Second // for answers that are under way at the end
)

// Command is the whole program: flags in, an error out when it could not serve. The end of the context is SIGTERM. Help
// and log lines go to the writer.
func Command(ctx context.Context, arguments []string, log io.Writer) error {
	options, err := Parse(arguments, log)
	if err != nil {
		return err
	}
	return options.Run(context.WithoutCancel(ctx), ctx.Done(), log)
}

// Run serves until SIGTERM, and then as long as Shutdown allows and every required check passes: the signal comes to all
// containers at once, and the first to go must not make the others look ill. The end of the context ends it at once. Log
// gets lines for people.
func (o Options) Run(ctx context.Context, sigterm <-chan struct{}, log io.Writer) error {
	checks, err := o.checks()
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return fmt.Errorf("--listen=%s: %w; give an address and a port that no other container of the Pod has", o.Listen, err)
	}
	all := &rounds{checks: checks, probe: probe, timeout: o.Timeout, reuse: o.Reuse}
	server := newServer(all)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	fmt.Fprintf(log, "joining %d checks at %s\n", len(checks), listener.Addr())
	select {
	case err := <-failed:
		return fmt.Errorf("serving at %s: %w", o.Listen, err)
	case <-sigterm:
		outlast(ctx, all.ask, o.Shutdown)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(ctx, finish)
	defer cancel()
	_ = server.Shutdown(ending) // whoever still waits for an answer then gets none
	return server.Close()
}

// outlast returns when a required check fails, or at the latest after the given time.
func outlast(ctx context.Context, ask func() Report, most time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for ctx.Err() == nil && ask().State == Passing {
		select {
		case <-ctx.Done():
		case <-time.After(lookAgain):
		}
	}
}

// newServer speaks HTTP/1 and HTTP/2 without TLS: a load balancer checks health with the protocol of the target group.
func newServer(all *rounds) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != AlivePath {
				answer(w, r, all.ask()) //nolint:contextcheck // a round is for everybody who asks; see rounds.run
			}
		}),
		Protocols: protocols, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute,
	}
}

// answer puts a report into the words of the asker's protocol. The health check of a gRPC target group calls a method and
// reads the status of the call: 0 is well, 14 unavailable.
func answer(w http.ResponseWriter, r *http.Request, report Report) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		code := codes.OK
		if report.State == Failing {
			code = codes.Unavailable
		}
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Grpc-Status", fmt.Sprint(uint32(code)))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if report.State == Failing {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(report) // who has gone does not hear
}
