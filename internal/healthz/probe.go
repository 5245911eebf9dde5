package healthz

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// probe makes a check once, over a connection of its own: a kept one would say that a container is well because it was.
// The error is nil when it passes.
func probe(ctx context.Context, check Check) error {
	switch check.scheme {
	case "tcp":
		return connect(ctx, check)
	case "grpc":
		return call(ctx, check)
	}
	return get(ctx, check)
}

func connect(ctx context.Context, check Check) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", check.address)
	if err != nil {
		return plain(ctx, err)
	}
	return conn.Close()
}

// transport is not the standard library's own: no proxy may stand between a Pod and itself.
var transport = &http.Transport{
	DisableKeepAlives: true,
	TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, // #nosec G402 -- certificates are for names that a Pod's own address is not
}

func get(ctx context.Context, check Check) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, check.scheme+"://"+check.address+check.path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "sluice-healthz")
	answer, err := transport.RoundTrip(request) // a redirect is an answer, and is not followed
	if err != nil {
		return plain(ctx, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode < 200 || answer.StatusCode >= 400 {
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 200)) // what there is helps a person
		return fmt.Errorf("status %d: %q", answer.StatusCode, said)
	}
	return nil
}

func call(ctx context.Context, check Check) error {
	conn, err := grpc.NewClient("passthrough:///"+check.address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: check.path})
	if err != nil {
		return plain(ctx, fmt.Errorf("%s: %s", status.Code(err), status.Convert(err).Message()))
	}
	if answer.Status != healthpb.HealthCheckResponse_SERVING {
		return fmt.Errorf("%s", answer.Status)
	}
	return nil
}

// plain says of a check that ran out of time just that, however the protocol put it.
func plain(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	return err
}
