package localaws

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
)

// errNoAnswer is what a caller gets whose answer a fault has lost.
var errNoAnswer = errors.New("the connection was closed before there was an answer")

// RoundTrip answers a call without a socket, in the goroutine of the caller: for tests that make many thousands of
// calls, and for those in a testing/synctest bubble, where time stands still while somebody waits for the network.
//
//	client := elbv2.NewFromConfig(config, func(o *elbv2.Options) { o.HTTPClient = &http.Client{Transport: cloud} })
func (c *Cloud) RoundTrip(r *http.Request) (*http.Response, error) {
	request := r.Clone(r.Context()) // the handler reads the form into it, and a caller's request is the caller's
	if request.Body == nil {
		request.Body = http.NoBody
	}
	defer request.Body.Close()
	request.URL.Path = cmp.Or(request.URL.Path, "/") // as it goes over a wire
	out := &recorder{header: http.Header{}}
	if !out.record(c.server.Handler, request) {
		return nil, errNoAnswer
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return out.response(r), nil
}

// recorder keeps an answer in memory.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// record is false for a handler that breaks the connection off, as http.Server understands it.
func (o *recorder) record(handler http.Handler, r *http.Request) (answered bool) {
	defer func() {
		if cause := recover(); cause != nil && cause != http.ErrAbortHandler { //nolint:errorlint // the value is the message, as in http.Server
			panic(cause)
		}
	}()
	handler.ServeHTTP(o, r)
	return true
}

func (o *recorder) Header() http.Header { return o.header }

func (o *recorder) WriteHeader(status int) {
	if o.status == 0 {
		o.status = status
	}
}

func (o *recorder) Write(p []byte) (int, error) {
	o.WriteHeader(http.StatusOK)
	return o.body.Write(p)
}

func (o *recorder) response(r *http.Request) *http.Response {
	o.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: http.StatusText(o.status), StatusCode: o.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: o.header, Body: io.NopCloser(&o.body), ContentLength: int64(o.body.Len()), Request: r,
	}
}
