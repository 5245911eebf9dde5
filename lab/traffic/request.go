package traffic

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// Client sends requests to one listener, whatever their names resolve to.
type Client struct {
	http.Client
	url string
}

// NewClient keeps connections to an HTTP listener, as browsers and proxies do.
func NewClient(address, host string) *Client {
	return &Client{url: "http://" + host, Client: http.Client{
		Transport: &http.Transport{
			DialContext:         to(address),
			MaxIdleConnsPerHost: 32,
			IdleConnTimeout:     30 * time.Second, // less than a load balancer's, which would else close under our hands
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func newPlain(p Place) *Client { return NewClient(p.Plain, p.PlainHost) }

func newHTTP2(p Place) *Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	return &Client{url: "https://" + p.HTTP2Host, Client: http.Client{
		Transport: &http.Transport{DialContext: to(p.Secure), TLSClientConfig: anyCertificate(), Protocols: protocols, IdleConnTimeout: 30 * time.Second},
	}}
}

// anyCertificate: the lab's certificates are for names that are in no DNS, by an authority that nobody knows.
func anyCertificate() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true} // #nosec G402 -- loopback only
}

type dial = func(ctx context.Context, network, _ string) (net.Conn, error)

func to(address string) dial {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp4", address)
	}
}

func (c *Client) get(path string) exchange {
	return func(ctx context.Context) string { return c.Get(ctx, path) }
}

// Get sends a request and reads its answer; the answer is why it failed, or "". Go's client repeats a request by itself
// when the connection that it had kept is closed; here that is a failure, as it would be for other clients.
func (c *Client) Get(ctx context.Context, path string) (failure string) {
	var connections atomic.Int32
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connections.Add(1) }})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path, nil)
	if err != nil {
		return "bad request: " + err.Error()
	}
	response, err := c.Do(request)
	if err != nil {
		return reasonOf(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return reasonOf(err)
	}
	switch {
	case response.StatusCode/100 != 2:
		return "status " + strconv.Itoa(response.StatusCode)
	case connections.Load() > 1:
		return "connection closed"
	}
	return ""
}

// reasonOf is short and free of addresses, so that equal failures count together.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed"
	}
	text := err.Error()
	return strings.TrimSpace(text[strings.LastIndex(text, ": ")+1:])
}
