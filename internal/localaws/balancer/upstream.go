package balancer

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"
)

// upstream is the connections to targets: one pool for HTTP/1.1, one for HTTP/2 (gRPC is HTTP/2 too).
type upstream struct{ http1, http2 *http.Transport }

func newUpstream(idle time.Duration) *upstream {
	return &upstream{http1: newTransport(idle, HTTP1), http2: newTransport(idle, HTTP2)}
}

func newTransport(idle time.Duration, version Version) *http.Transport {
	dial := (&quietDialer{idle: idle}).dial
	transport := &http.Transport{
		DialContext:            dial,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    idlePerTarget,
		IdleConnTimeout:        idle,
		ResponseHeaderTimeout:  idle,
		MaxResponseHeaderBytes: maxResponseHeader,
		Protocols:              new(http.Protocols),
	}
	if version == HTTP1 {
		transport.Protocols.SetHTTP1(true)
		transport.DialTLSContext = dialTLS(dial, "http/1.1")
	} else {
		transport.Protocols.SetHTTP2(true)
		transport.Protocols.SetUnencryptedHTTP2(true)
		transport.DialTLSContext = dialTLS(dial, "h2")
	}
	return transport
}

// RoundTrip speaks the version of the target's group.
func (u *upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	switch r.Context().Value(exchangeKey{}).(*exchange).version {
	case HTTP2, GRPC:
		return u.http2.RoundTrip(r)
	case HTTP1:
	}
	return u.http1.RoundTrip(r)
}

func (u *upstream) closeIdle() {
	u.http1.CloseIdleConnections()
	u.http2.CloseIdleConnections()
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// dialTLS opens an encrypted connection to a target. A failed handshake must not look like a timeout: it is a 502.
func dialTLS(dial dialFunc, protocol string) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}} // #nosec G402 -- certificates of targets are not validated
		secure := tls.Client(raw, config)
		ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
		defer cancel()
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, fmt.Errorf("handshake with the target: %s", err) //nolint:errorlint // hides that it timed out
		}
		return secure, nil
	}
}

// quietDialer opens connections to targets that end when nothing has passed in either direction for the idle timeout:
// streams, upgraded connections and slow answers alike.
type quietDialer struct{ idle time.Duration }

// idleGrace lets ResponseHeaderTimeout come first, so that a target that does not answer at all is a 504 and no 502.
const idleGrace = 100 * time.Millisecond

func (d *quietDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: connectTimeout}).DialContext(ctx, network, address)
	if err != nil || d.idle == 0 {
		return conn, err
	}
	return &quietConn{Conn: conn, idle: d.idle + idleGrace}, nil
}

// quietConn moves the deadline with every byte. A deadline costs a timer's change and no system call.
type quietConn struct {
	net.Conn
	idle time.Duration
}

func (c *quietConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *quietConn) Write(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.idle)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// CloseWrite lets an upgraded connection end one direction before the other.
func (c *quietConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}
