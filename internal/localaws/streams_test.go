package localaws_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

func TestAnswersStream(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	words := make(chan string, 1)
	address, _, _ := c.serving(c.server("", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/stream" {
			return
		}
		for word := range words {
			_, _ = io.WriteString(w, word+"\n")
			_ = http.NewResponseController(w).Flush()
		}
	}).Listener.Addr().String())
	words <- "one"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer := must(http.DefaultClient.Do(request))(c)
	defer func() { _ = answer.Body.Close() }()
	lines := bufio.NewReader(answer.Body)
	for _, next := range []string{"two", "three", ""} { // each word is written only after the one before has arrived
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if next == "" {
			close(words)
			continue
		}
		words <- next
	}
}

func TestUpgradedConnectionsPass(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	address, _, _ := c.serving(c.server("", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "echo" {
			return
		}
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		line, _ := buffered.ReadString('\n')
		_, _ = io.WriteString(conn, line)
	}).Listener.Addr().String())
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x.com\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	reader := bufio.NewReader(conn)
	answer := must(http.ReadResponse(reader, nil))(c)
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.WriteString(conn, "hello\n")
	if got := must(reader.ReadString('\n'))(c); answer.StatusCode != http.StatusSwitchingProtocols || got != "hello\n" {
		t.Errorf("got %d and %q", answer.StatusCode, got)
	}
}

func TestModesOfForwardedFor(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	address, _, _ := c.serving(c.server("", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Join(r.Header.Values("X-Forwarded-For"), "|"))
	}).Listener.Addr().String())
	balancer := must(c.elb.DescribeLoadBalancers(t.Context(), &elbv2.DescribeLoadBalancersInput{}))(c).LoadBalancers[0].LoadBalancerArn
	for _, tt := range []struct{ key, value, want string }{
		{"routing.http.xff_header_processing.mode", "preserve", "1.2.3.4"},
		{"routing.http.xff_header_processing.mode", "remove", ""},
		{"routing.http.xff_header_processing.mode", "append", "1.2.3.4, 127.0.0.1"},
		{"routing.http.xff_client_port.enabled", "true", "1.2.3.4, 127.0.0.1:port"},
	} {
		must(c.elb.ModifyLoadBalancerAttributes(t.Context(), &elbv2.ModifyLoadBalancerAttributesInput{
			LoadBalancerArn: balancer, Attributes: []elbv2types.LoadBalancerAttribute{{Key: aws.String(tt.key), Value: aws.String(tt.value)}},
		}))(c)
		eventually(c, tt.key+" "+tt.value, func() string {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("X-Forwarded-For", "1.2.3.4")
			answer := must(http.DefaultClient.Do(request))(c)
			defer func() { _ = answer.Body.Close() }()
			got := string(must(io.ReadAll(answer.Body))(c))
			if host, port, ok := strings.Cut(got, "127.0.0.1:"); ok && port != "" {
				return host + "127.0.0.1:port"
			}
			return got
		}, tt.want)
	}
}

func TestInvalidHeaderFieldsCanBeDropped(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	address, _, _ := c.serving(c.server("", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("X_under"))
	}).Listener.Addr().String())
	ask := func() string {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X_under", "here")
		answer := must(http.DefaultClient.Do(request))(c)
		defer func() { _ = answer.Body.Close() }()
		return string(must(io.ReadAll(answer.Body))(c))
	}
	if got := ask(); got != "here" {
		t.Errorf("got %q", got)
	}
	balancer := must(c.elb.DescribeLoadBalancers(t.Context(), &elbv2.DescribeLoadBalancersInput{}))(c).LoadBalancers[0].LoadBalancerArn
	must(c.elb.ModifyLoadBalancerAttributes(t.Context(), &elbv2.ModifyLoadBalancerAttributesInput{
		LoadBalancerArn: balancer, Attributes: []elbv2types.LoadBalancerAttribute{{
			Key: aws.String("routing.http.drop_invalid_header_fields.enabled"), Value: aws.String("true"),
		}},
	}))(c)
	eventually(c, "the header", ask, "")
}
