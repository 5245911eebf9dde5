package balancer

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// checkTransports open a connection for every check, as a load balancer does. By whether they speak HTTP/2.
var checkTransports = map[bool]*http.Transport{false: newCheckTransport(false), true: newCheckTransport(true)}

func newCheckTransport(http2 bool) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	protocols.SetUnencryptedHTTP2(http2)
	return &http.Transport{
		DisableKeepAlives:  true,
		DisableCompression: true,
		Protocols:          protocols,
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true}, // #nosec G402 -- certificates of targets are not validated
	}
}

// ask makes one check of a target. A network load balancer has one reason for all failures ("TargetHealth" in the API
// reference marks the others as those of application load balancers).
func (c *Check) ask(ctx context.Context, t *Target) Health {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	verdict := c.askAt(ctx, t.group.plane.probe, t.checkAddress(c.Port))
	if verdict.State == Unhealthy && t.group.network() {
		return Health{State: Unhealthy, Reason: reasonFailed, Description: "Health checks failed"}
	}
	return verdict
}

func (c *Check) askAt(ctx context.Context, probe Probe, addr netip.AddrPort) Health {
	var code int
	var err error
	switch {
	case probe != nil:
		code, err = probe(ctx, addr, c.Path)
	case c.Scheme == "tcp":
		if err = opens(ctx, addr); err == nil {
			return Health{State: Healthy}
		}
	case c.Version == GRPC:
		code, err = c.callGRPC(c.request(ctx, addr))
	default:
		code, err = c.get(c.request(ctx, addr))
	}
	switch {
	case timedOut(err):
		return Health{State: Unhealthy, Reason: reasonTimeout, Description: "Request timed out"}
	case err != nil:
		return Health{State: Unhealthy, Reason: reasonFailed, Description: "Health checks failed"}
	}
	for _, codes := range c.Codes {
		if codes.Low <= code && code <= codes.High {
			return Health{State: Healthy}
		}
	}
	return Health{
		State: Unhealthy, Reason: reasonCode,
		Description: fmt.Sprintf("Health checks failed with these codes: [%d]", code),
	}
}

func opens(ctx context.Context, addr netip.AddrPort) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return err
	}
	return conn.Close()
}

func (c *Check) get(request *http.Request) (status int, err error) {
	response, err := checkTransports[c.Version == HTTP2].RoundTrip(request)
	if err != nil {
		return 0, err
	}
	_ = response.Body.Close() // the status has said all
	return response.StatusCode, nil
}

// callGRPC calls the path as a gRPC method with an empty message, and returns the gRPC status. ("Health checks for target
// groups", ALB guide: the default method, which no application has, is answered with 12, unimplemented.)
func (c *Check) callGRPC(request *http.Request) (status int, err error) {
	const emptyMessage = "\x00\x00\x00\x00\x00" // not compressed, no bytes
	const enough = 64 << 10
	request.Method = http.MethodPost
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("Te", "trailers")
	request.Body, request.ContentLength = io.NopCloser(strings.NewReader(emptyMessage)), int64(len(emptyMessage))
	response, err := checkTransports[true].RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, enough)); err != nil {
		return 0, err
	}
	text := response.Trailer.Get("Grpc-Status")
	if text == "" {
		text = response.Header.Get("Grpc-Status") // an answer of trailers only
	}
	return strconv.Atoi(text)
}

func (c *Check) request(ctx context.Context, addr netip.AddrPort) *http.Request {
	path, query, _ := strings.Cut(c.Path, "?")
	request := &http.Request{
		Method: http.MethodGet, Host: addr.String(), Header: http.Header{"User-Agent": {"ELB-HealthChecker/2.0"}},
		URL:   &url.URL{Scheme: c.Scheme, Host: addr.String(), Opaque: path, RawQuery: query},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	return request.WithContext(ctx)
}
