package balancer

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// protocolOf is what the client speaks, as in X-Forwarded-Proto and in redirects.
func protocolOf(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
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
	http.StatusUnauthorized:        "Authorization Required",
	http.StatusInternalServerError: "Internal Server Error",
	http.StatusBadGateway:          "Bad Gateway",
	statusTooManyForwarded:         "Bad Request",
	statusMismatch:                 "Bad Request",
	http.StatusServiceUnavailable:  "Service Temporarily Unavailable",
	http.StatusGatewayTimeout:      "Gateway Time-out",
	statusProviderFailed:           "Unauthorized",
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
