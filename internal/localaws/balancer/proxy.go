package balancer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// serve answers one request.
func (f *Front) serve(port int, w http.ResponseWriter, r *http.Request) {
	now := f.now.Load()
	routes := now.table.Listeners[port]
	if routes == nil { // the listener has just been deleted
		(&Routes{}).refuse(w, http.StatusServiceUnavailable)
		return
	}
	if begun, ok := r.Context().Value(bornKey{}).(time.Time); ok && now.table.KeepAlive > 0 && time.Since(begun) > now.table.KeepAlive {
		w.Header().Set("Connection", "close") // with HTTP/2 the server makes a GOAWAY of it
	}
	if now.table.DropInvalid {
		dropInvalid(r.Header)
	}
	action := routes.match(r)
	if guarded, ok := action.(Guarded); ok {
		if guarded.stops(routes, w, r) {
			return
		}
		action = guarded.Action
	}
	switch action := action.(type) {
	case Fixed:
		routes.sign(w.Header())
		action.answer(w)
	case Redirect:
		routes.sign(w.Header())
		action.answer(w, r, port)
	case *Forward:
		now.forward(action, routes, port, w, r)
	}
}

// exchange is what the proxy must know of a request beside the request itself.
type exchange struct {
	target *Target
	table  *Table
	routes *Routes
	port   int
}

type exchangeKey struct{}

// forward passes a request to a target. There is no second try with another target: what one target did to a request
// is not known, so a load balancer answers 502. (A connection from the pool that the target had closed while it was
// idle is another matter: net/http notices before any byte of an answer, and sends a request that may be repeated once
// more to the same target, over a new connection. That hides the race of two timers, not a dead target.)
func (s *snapshot) forward(action *Forward, routes *Routes, port int, w http.ResponseWriter, r *http.Request) {
	group := action.pick()
	if group == nil {
		routes.refuse(w, http.StatusServiceUnavailable)
		return
	}
	target := group.pick()
	if target == nil {
		routes.refuse(w, http.StatusServiceUnavailable)
		return
	}
	target.outstanding.Add(1)
	defer target.outstanding.Add(-1)
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	//nolint:contextcheck // the target's own context, which its removal cuts
	defer context.AfterFunc(target.ctx, func() { cancel(context.Cause(target.ctx)) })()
	ctx = context.WithValue(ctx, exchangeKey{}, &exchange{target: target, table: s.table, routes: routes, port: port})
	s.proxy.ServeHTTP(w, r.WithContext(ctx))
}

// Limits of "Troubleshoot your Application Load Balancers" and "Quotas for your Application Load Balancers".
const (
	connectTimeout      = 10 * time.Second // then 504
	handshakeTimeout    = 10 * time.Second // then 502
	maxResponseHeader   = 32 << 10         // beyond it 502
	idlePerTarget       = 512              // so that no connection is closed only because many came back at once
	copyBuffer          = 32 << 10
	statusClientClosed  = 460 // the client went away before the answer; it is only ever seen in logs
	traceHeader         = "X-Amzn-Trace-Id"
	forwardedForHeader  = "X-Forwarded-For"
	forwardedPortHeader = "X-Forwarded-Port"
	forwardedHeader     = "X-Forwarded-Proto"
	ownServer           = "awselb/2.0"
)

// newProxy returns the handler that passes requests on, and a function that closes its idle connections.
func newProxy(idle time.Duration, log *slog.Logger) (http.Handler, func()) {
	dialer := &net.Dialer{Timeout: connectTimeout}
	transport := &http.Transport{
		DialContext:            dialer.DialContext,
		DialTLSContext:         dialTLS(dialer),
		DisableCompression:     true,
		MaxIdleConnsPerHost:    idlePerTarget,
		IdleConnTimeout:        idle,
		ResponseHeaderTimeout:  idle,
		MaxResponseHeaderBytes: maxResponseHeader,
	}
	return &httputil.ReverseProxy{
		Rewrite:        rewrite,
		ModifyResponse: dress,
		Transport:      transport,
		BufferPool:     buffers{},
		ErrorHandler:   fail,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}, transport.CloseIdleConnections
}

// dialTLS opens an encrypted connection to a target. A failed handshake must not look like a timeout: it is a 502.
func dialTLS(dialer *net.Dialer) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		secure := tls.Client(raw, &tls.Config{InsecureSkipVerify: true}) // #nosec G402 -- certificates of targets are not validated
		ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
		defer cancel()
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, fmt.Errorf("handshake with the target: %s", err) //nolint:errorlint // hides that it timed out
		}
		return secure, nil
	}
}

func rewrite(p *httputil.ProxyRequest) {
	x := p.In.Context().Value(exchangeKey{}).(*exchange)
	p.Out.URL.Scheme = x.target.group.scheme
	p.Out.URL.Host = x.target.Addr.String()
	p.Out.URL.RawQuery = p.In.URL.RawQuery // the proxy drops what it cannot parse; a load balancer does not look
	for _, name := range []string{"Forwarded", "X-Forwarded-Host", forwardedForHeader} {
		if values, ok := p.In.Header[name]; ok {
			p.Out.Header[name] = values
		}
	}
	x.forwardedFor(p.Out.Header, p.In.RemoteAddr)
	p.Out.Header.Set(forwardedHeader, protocolOf(p.In))
	x.tlsHeaders(p)
	p.Out.Header.Set(forwardedPortHeader, strconv.Itoa(x.port))
	p.Out.Header.Set(traceHeader, traceID(p.In.Header.Get(traceHeader), time.Now()))
}

// dress puts the listener's headers into a target's answer.
func dress(answer *http.Response) error {
	x := answer.Request.Context().Value(exchangeKey{}).(*exchange)
	for name, value := range x.routes.ResponseHeaders {
		answer.Header.Set(name, value)
	}
	return nil
}

// forwardedFor treats X-Forwarded-For as the load balancer's attributes say.
func (x *exchange) forwardedFor(header http.Header, peer string) {
	switch x.table.ForwardedFor {
	case PreserveForwarded:
		return
	case RemoveForwarded:
		header.Del(forwardedForHeader)
		return
	case AppendForwarded:
	}
	if !x.table.ClientPort {
		peer = hostOnly(peer)
	}
	before := header[forwardedForHeader]
	header.Set(forwardedForHeader, strings.Join(append(slices.Clip(before), peer), ", "))
}

// fail answers for a target that did not.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	ctx := r.Context()
	routes := ctx.Value(exchangeKey{}).(*exchange).routes
	switch {
	case errors.Is(context.Cause(ctx), errCut):
		routes.refuse(w, http.StatusBadGateway)
	case ctx.Err() != nil:
		w.WriteHeader(statusClientClosed)
	case timedOut(err):
		routes.refuse(w, http.StatusGatewayTimeout)
	default:
		routes.refuse(w, http.StatusBadGateway)
	}
}

// protocolOf is what the client speaks, as in X-Forwarded-Proto and in redirects.
func protocolOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// tlsHeaders tells the target of the client's TLS, where the attribute
// routing.http.x_amzn_tls_version_and_cipher_suite.enabled says so.
func (x *exchange) tlsHeaders(p *httputil.ProxyRequest) {
	if !x.table.TLSHeaders || p.In.TLS == nil {
		return
	}
	version := strings.Replace(tls.VersionName(p.In.TLS.Version), "TLS ", "TLSv", 1)
	p.Out.Header.Set("X-Amzn-Tls-Version", version)
	p.Out.Header.Set("X-Amzn-Tls-Cipher-Suite", tls.CipherSuiteName(p.In.TLS.CipherSuite))
}

// sign puts the headers into an answer of the load balancer's own.
func (r *Routes) sign(header http.Header) {
	if !r.Anonymous {
		header.Set("Server", ownServer)
	}
	for name, value := range r.ResponseHeaders {
		header.Set(name, value)
	}
}

// refuse answers with an error of the load balancer's own, in the look of an ALB.
func (r *Routes) refuse(w http.ResponseWriter, status int) {
	r.sign(w.Header())
	title := fmt.Sprintf("%d %s", status, reasonPhrases[status])
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<html>\r\n<head><title>"+title+"</title></head>\r\n<body>\r\n<center><h1>"+title+
		"</h1></center>\r\n</body>\r\n</html>\r\n") // a client that is gone needs no answer
}

var reasonPhrases = map[int]string{
	http.StatusUnauthorized:       "Authorization Required",
	http.StatusBadGateway:         "Bad Gateway",
	http.StatusServiceUnavailable: "Service Temporarily Unavailable",
	http.StatusGatewayTimeout:     "Gateway Time-out",
	statusProviderFailed:          "Unauthorized",
}

func (a Fixed) answer(w http.ResponseWriter) {
	w.Header().Set("Content-Type", a.ContentType)
	w.WriteHeader(a.Status)
	_, _ = io.WriteString(w, a.Body)
}

func (a Redirect) answer(w http.ResponseWriter, r *http.Request, port int) {
	fill := strings.NewReplacer("#{protocol}", protocolOf(r), "#{host}", hostOnly(r.Host), "#{port}", strconv.Itoa(port),
		"#{path}", strings.TrimPrefix(r.URL.EscapedPath(), "/"), "#{query}", r.URL.RawQuery).Replace
	protocol, host, portText := strings.ToLower(fill(a.Protocol)), fill(a.Host), fill(a.Port)
	location := url.URL{Scheme: protocol, Host: host + ":" + portText}
	target := location.String() + fill(a.Path)
	if query := fill(a.Query); query != "" {
		target += "?" + query
	}
	w.Header().Set("Location", target)
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(a.Status)
}

// buffers are reused between the bodies that pass through.
type buffers struct{}

var bufferPool = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

func (buffers) Get() []byte  { return bufferPool.Get().(*[copyBuffer]byte)[:] }
func (buffers) Put(b []byte) { bufferPool.Put((*[copyBuffer]byte)(b)) }
