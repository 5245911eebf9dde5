package healthz

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Check is one question to one container. Make it with ParseCheck.
type Check struct {
	Name     string // the URL as it was written
	Required bool   // whether its failure fails the whole

	scheme  string // one of schemes
	address string // host:port
	path    string // of HTTP with its query; of gRPC the name of the service, or ""
}

// What a check can be: HTTP passes with a status from 200 to 399, as a kubelet's probe does, and a certificate is not
// verified; TCP when a connection opens; gRPC when the health protocol (grpc.health.v1) answers SERVING.
var schemes = []string{"http", "https", "tcp", "grpc"}

// ParseCheck reads http://HOST:PORT/PATH, https://…, tcp://HOST:PORT or grpc://HOST:PORT/SERVICE. Where HOST is left out
// it is the given one.
func ParseCheck(text, host string) (Check, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Check{}, errors.Join(errors.Unwrap(err), errForm)
	}
	check := Check{Name: text, scheme: u.Scheme, path: u.RequestURI()}
	port := u.Port()
	switch u.Scheme {
	case "http", "https":
		if port == "" && u.Host != "" {
			port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
	case "tcp":
		if strings.Trim(u.Path, "/") != "" {
			return Check{}, fmt.Errorf("a TCP check only connects: leave out the path %q, or ask http://", u.Path)
		}
	case "grpc":
		check.path = strings.Trim(u.Path, "/")
	default:
		return Check{}, fmt.Errorf("%q is none of %s: %w", u.Scheme, strings.Join(schemes, ", "), errForm)
	}
	if port == "" {
		return Check{}, fmt.Errorf("there is no port: %w", errForm)
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return Check{}, fmt.Errorf("port %s is not one from 1 to 65535", port)
	}
	if u.Hostname() != "" {
		host = u.Hostname()
	}
	check.address = net.JoinHostPort(host, port)
	if _, _, err := net.SplitHostPort(check.address); err != nil {
		return Check{}, fmt.Errorf("%q is no host: %w", host, errForm)
	}
	return check, nil
}

var errForm = errors.New("write it as http://:8080/ready, tcp://:6379 or grpc://:9090/package.Service")
