package demo

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	perSecond     = 200
	clientTimeout = 10 * time.Second
)

// target is where a side's requests go.
type target struct {
	address string // IP:port of the load balancer's listener
	host    string // Host header
	path    string
}

// load sends requests at a fixed rate, whether or not earlier ones have been answered, as many
// independent clients would: a stall costs what it would cost them.
type load struct {
	target target
	tally  *tally
	client *http.Client
}

func newLoad(t target, now time.Time) *load {
	var dialer net.Dialer
	return &load{target: t, tally: newTally(now), client: &http.Client{
		Timeout: clientTimeout,
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, "tcp4", t.address)
			},
			MaxIdleConnsPerHost: 32,
			IdleConnTimeout:     30 * time.Second, // less than a load balancer's, which would else close under our hands
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// run sends until the context ends, and returns when the last request has been answered. Requests
// run under a context of their own, so that the end of the load cuts none off.
func (l *load) run(ctx context.Context) {
	var pending sync.WaitGroup
	requests := context.WithoutCancel(ctx)
	next := time.Now()
	for ctx.Err() == nil {
		pending.Go(func() { l.tally.count(time.Now(), l.request(requests)) })
		next = next.Add(time.Second / perSecond)
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(next)):
		}
	}
	l.tally.end(time.Now())
	pending.Wait()
	l.client.CloseIdleConnections()
}

// request returns why the request failed, or "". Go's client repeats a request by itself when the
// connection that it had kept is closed; here that is a failure, as it would be for other clients.
func (l *load) request(ctx context.Context) string {
	var connections atomic.Int32
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connections.Add(1) }})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.target.host+l.target.path, nil)
	if err != nil {
		return "bad request: " + err.Error()
	}
	response, err := l.client.Do(request)
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
	return text[strings.LastIndex(text, ": ")+1:]
}
