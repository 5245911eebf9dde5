package localaws_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws"
)

const listenPort = 8081

// serving makes a load balancer that forwards everything to one group with the targets, and waits for their health.
func (c *cloud) serving(targets ...string) (address, listener, group string) {
	c.Helper()
	balancer := c.loadBalancer("web")
	group = c.targetGroup("web", nil)
	listener = c.listener(*balancer.LoadBalancerArn, listenPort, forwardTo(group))
	if len(targets) > 0 {
		c.register(group, targets...)
	}
	for _, target := range targets {
		eventually(c, "health", func() string { return c.health(group, target) }, "healthy")
	}
	return c.address(*balancer.DNSName, listenPort), listener, group
}

func TestRulesChooseByPriority(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	balancer := c.loadBalancer("web")
	listener := c.listener(*balancer.LoadBalancerArn, listenPort, fixed("404", "default"))
	condition := func(field string, change func(*elbv2types.RuleCondition)) elbv2types.RuleCondition {
		rc := elbv2types.RuleCondition{Field: &field}
		change(&rc)
		return rc
	}
	for i, r := range []struct {
		name       string
		conditions []elbv2types.RuleCondition
	}{
		{"host-and-path", []elbv2types.RuleCondition{hostIs("api.example.com"), pathIs("/v?/*")}},
		{"wildcard-host", []elbv2types.RuleCondition{hostIs("*.Example.org")}},
		{"path", []elbv2types.RuleCondition{pathIs("/Exact")}},
		{"method", []elbv2types.RuleCondition{condition("http-request-method", func(rc *elbv2types.RuleCondition) {
			rc.HttpRequestMethodConfig = &elbv2types.HttpRequestMethodConditionConfig{Values: []string{"DELETE"}}
		})}},
		{"header", []elbv2types.RuleCondition{condition("http-header", func(rc *elbv2types.RuleCondition) {
			rc.HttpHeaderConfig = &elbv2types.HttpHeaderConditionConfig{HttpHeaderName: aws.String("X-Color"), Values: []string{"gr?en*"}}
		})}},
		{"query", []elbv2types.RuleCondition{condition("query-string", func(rc *elbv2types.RuleCondition) {
			rc.QueryStringConfig = &elbv2types.QueryStringConditionConfig{Values: []elbv2types.QueryStringKeyValuePair{
				{Key: aws.String("v"), Value: aws.String("1*")}, {Value: aws.String(`a\*b`)},
			}}
		})}},
		{"elsewhere", []elbv2types.RuleCondition{pathIs("/source"), condition("source-ip", func(rc *elbv2types.RuleCondition) {
			rc.SourceIpConfig = &elbv2types.SourceIpConditionConfig{Values: []string{"10.0.0.0/8"}}
		})}},
		{"source", []elbv2types.RuleCondition{pathIs("/source"), condition("source-ip", func(rc *elbv2types.RuleCondition) {
			rc.SourceIpConfig = &elbv2types.SourceIpConditionConfig{Values: []string{"127.0.0.0/8"}}
		})}},
	} {
		c.rule(listener, int32(i+1)*10, fixed("200", r.name), r.conditions...)
	}
	address := c.address(*balancer.DNSName, listenPort)
	for _, tt := range []struct {
		name, method, host, path, color, want string
	}{
		{"host-and-path-match", "GET", "API.example.com:8081", "/v1/x", "", "host-and-path"},
		{"one-character-only", "GET", "api.example.com", "/v10/x", "", "default"},
		{"query-is-no-path", "GET", "api.example.com", "/?/v1/x", "", "default"},
		{"wildcard-host-in-any-case", "GET", "A.b.eXample.ORG", "/", "", "wildcard-host"},
		{"wildcard-needs-its-dot", "GET", "example.org", "/", "", "default"},
		{"exact-path", "GET", "x.com", "/Exact", "", "path"},
		{"path-minds-case", "GET", "x.com", "/exact", "", "default"},
		{"path-is-whole", "GET", "x.com", "/Exact/", "", "default"},
		{"method", "DELETE", "x.com", "/", "", "method"},
		{"header-in-any-case", "GET", "x.com", "/", "GREENish", "header"},
		{"query-key-and-value", "GET", "x.com", "/?V=12", "", "query"},
		{"query-escaped-star", "GET", "x.com", "/?any=a*b", "", "query"},
		{"query-star-is-escaped", "GET", "x.com", "/?any=axb", "", "default"},
		{"source", "GET", "x.com", "/source", "", "source"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), tt.method, "http://"+address+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Host = tt.host
			if tt.color != "" {
				request.Header.Set("X-Color", tt.color)
			}
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = answer.Body.Close() }()
			if got, _ := io.ReadAll(answer.Body); string(got) != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRedirect(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	balancer := c.loadBalancer("web")
	c.listener(*balancer.LoadBalancerArn, listenPort, []elbv2types.Action{{
		Type: elbv2types.ActionTypeEnumRedirect,
		RedirectConfig: &elbv2types.RedirectActionConfig{
			Protocol: aws.String("HTTPS"), Port: aws.String("443"), StatusCode: elbv2types.RedirectActionStatusCodeEnumHttp301,
		},
	}})
	address := c.address(*balancer.DNSName, listenPort)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/a%2Fb?c=d", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "shop.example.com"
	answer := must(client.Do(request))(c)
	_ = answer.Body.Close()
	got := []any{answer.StatusCode, answer.Header.Get("Location")}
	if diff := cmp.Diff([]any{301, "https://shop.example.com:443/a%2Fb?c=d"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWeightedForward(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	one, two, none := c.server("one", nil).Listener.Addr().String(), c.server("two", nil).Listener.Addr().String(), "none"
	balancer := c.loadBalancer("web")
	groups := []string{c.targetGroup("one", nil), c.targetGroup("two", nil), c.targetGroup(none, nil)}
	action := forwardTo(groups...)
	for i, weight := range []int32{3, 1, 0} {
		action[0].ForwardConfig.TargetGroups[i].Weight = aws.Int32(weight)
	}
	c.listener(*balancer.LoadBalancerArn, listenPort, action)
	c.register(groups[0], one)
	c.register(groups[1], two)
	eventually(c, "health", func() string { return c.health(groups[0], one) }, "healthy")
	eventually(c, "health", func() string { return c.health(groups[1], two) }, "healthy")
	address := c.address(*balancer.DNSName, listenPort)
	got := map[response]int{}
	for range 400 {
		got[c.get(address, "x.com", "/")]++
	}
	if diff := cmp.Diff(map[response]int{{200, "one"}: 300, {200, "two"}: 100}, got, cmp.Comparer(func(a, b int) bool {
		return a-b < 5 && b-a < 5
	})); diff != "" {
		t.Error(diff)
	}
}

func TestForwardedHeaders(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	seen := make(chan http.Header, 1)
	target := c.server("", func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/seen" {
			h := r.Header.Clone()
			h.Set("Host", r.Host)
			h.Set("Query", r.URL.RawQuery)
			seen <- h
		}
	}).Listener.Addr().String()
	address, _, _ := c.serving(target)
	ask := func(headers http.Header) http.Header {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/seen?a;b=%zz", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host, request.Header = "Shop.Example.com:99", headers
		answer := must(http.DefaultClient.Do(request))(c)
		_ = answer.Body.Close()
		h := <-seen
		trace := h.Get("X-Amzn-Trace-Id")
		h.Set("X-Amzn-Trace-Id", strings.Split(trace, "=")[0]+trace[strings.IndexAny(trace+";", ";"):])
		return h
	}
	common := http.Header{
		"Host": {"Shop.Example.com:99"}, "Query": {"a;b=%zz"}, "User-Agent": {"me"}, "Accept-Encoding": {"gzip"},
		"X-Forwarded-Proto": {"http"}, "X-Forwarded-Port": {"8081"},
	}
	with := func(more http.Header) http.Header {
		all := common.Clone()
		for name, values := range more {
			all[name] = values
		}
		return all
	}
	if diff := cmp.Diff(with(http.Header{"X-Forwarded-For": {"127.0.0.1"}, "X-Amzn-Trace-Id": {"Root"}}), ask(http.Header{"User-Agent": {"me"}})); diff != "" {
		t.Error(diff)
	}
	got := ask(http.Header{
		"User-Agent": {"me"}, "X-Forwarded-For": {"1.2.3.4"}, "X-Forwarded-Proto": {"https"}, "X-Amzn-Trace-Id": {"Root=1-2-3"}, "X-Forwarded-Host": {"h"},
	})
	want := with(http.Header{"X-Forwarded-For": {"1.2.3.4, 127.0.0.1"}, "X-Amzn-Trace-Id": {"Self;Root=1-2-3"}, "X-Forwarded-Host": {"h"}})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestBadTargets(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	target := c.server("", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/reset":
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		case "/malformed":
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "what?\r\n\r\n")
				_ = conn.Close()
			}
		case "/large-header":
			w.Header().Set("X-Large", strings.Repeat("x", 40<<10))
		case "/slow":
			select {
			case <-stop:
			case <-r.Context().Done():
			}
		}
	})
	gone := c.server("gone", nil)
	address, listener, group := c.serving(target.Listener.Addr().String())
	empty := c.targetGroup("empty", nil)
	refusing := c.targetGroup("refusing", nil)
	c.rule(listener, 1, forwardTo(empty), pathIs("/empty"))
	c.rule(listener, 2, forwardTo(refusing), pathIs("/refused"))
	c.register(refusing, gone.Listener.Addr().String())
	eventually(c, "health", func() string { return c.health(refusing, gone.Listener.Addr().String()) }, "healthy")
	gone.Close()
	balancer := must(c.elb.DescribeLoadBalancers(t.Context(), &elbv2.DescribeLoadBalancersInput{}))(c).LoadBalancers[0]
	must(c.elb.ModifyLoadBalancerAttributes(t.Context(), &elbv2.ModifyLoadBalancerAttributesInput{
		LoadBalancerArn: balancer.LoadBalancerArn,
		Attributes:      []elbv2types.LoadBalancerAttribute{{Key: aws.String("idle_timeout.timeout_seconds"), Value: aws.String("1")}},
	}))(c)
	time.Sleep(12 * time.Second / testSpeed) // propagation, which nothing shows from outside
	for _, tt := range []struct {
		name, path string
		want       int
	}{
		{"reset", "/reset", 502}, {"malformed", "/malformed", 502}, {"large-header", "/large-header", 502},
		{"refused", "/refused", 502}, {"no-targets", "/empty", 503}, {"no-answer", "/slow", 504}, {"well", "/well", 200},
	} {
		if got := c.get(address, "x.com", tt.path).Status; got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
	if got := c.health(group, target.Listener.Addr().String()); got != "healthy" {
		t.Errorf("the target is %s", got)
	}
}

func TestPrivilegedPortThatIsTaken(t *testing.T) {
	t.Parallel()
	var first netip.Addr
	c := start(t, func(config *localaws.Config) { first = config.Addresses.Addr().Next() })
	taken, err := net.Listen("tcp", netip.AddrPortFrom(first, 80).String())
	if err != nil {
		t.Skip("port 80 may not be bound here: ", err)
	}
	defer func() { _ = taken.Close() }()
	balancer := c.loadBalancer("web")
	c.listener(*balancer.LoadBalancerArn, 80, fixed("200", "hello"))
	address := c.address(*balancer.DNSName, 80)
	if want := netip.AddrPortFrom(first, 18080).String(); address != want {
		t.Errorf("got %s, want %s", address, want)
	}
	if diff := cmp.Diff(response{200, "hello"}, c.get(address, "x.com", "/")); diff != "" {
		t.Error(diff)
	}
}

func TestFailOpenOnlyForUnhealthy(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	hold := make(chan struct{})
	unhealthy := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("User-Agent") == "ELB-HealthChecker/2.0" {
			<-hold
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}
	target := c.server("", unhealthy).Listener.Addr().String()
	balancer := c.loadBalancer("web")
	group := c.targetGroup("web", func(in *elbv2.CreateTargetGroupInput) {
		in.HealthCheckIntervalSeconds, in.HealthCheckTimeoutSeconds = aws.Int32(121), aws.Int32(120)
	})
	c.listener(*balancer.LoadBalancerArn, listenPort, forwardTo(group))
	c.register(group, target)
	eventually(c, "health", func() string { return c.health(group, target) }, "initial Elb.InitialHealthChecking")
	address := c.address(*balancer.DNSName, listenPort)
	if got := c.get(address, "x.com", "/").Status; got != 503 {
		t.Errorf("with initial targets: got %d, want 503", got)
	}
	close(hold)
	eventually(c, "health", func() string { return c.health(group, target) }, "unhealthy Target.ResponseCodeMismatch")
	if got := c.get(address, "x.com", "/").Status; got != 200 {
		t.Errorf("with unhealthy targets: got %d, want 200", got)
	}
}

// clients keeps asking over kept-alive connections until stopped, and counts answers that are not 200.
func clients(c *cloud, address string) (stop func() (requests, failed int64)) {
	ctx, cancel := context.WithCancel(c.Context())
	var requests, failed atomic.Int64
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			connections := 0
			client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				connections++
				return (&net.Dialer{}).DialContext(ctx, network, address)
			}}}
			defer client.CloseIdleConnections()
			const enough = 5 // also on a machine that is too busy for more while the changes happen
			for n := 0; n < enough || ctx.Err() == nil; n++ {
				got, err := get(c.Context(), client, address, "x.com", "/")
				requests.Add(1)
				if err != nil || got.Status != 200 {
					failed.Add(1)
				}
				time.Sleep(time.Millisecond)
			}
			if connections != 1 {
				c.Errorf("a client needed %d connections", connections)
			}
		})
	}
	return func() (int64, int64) {
		cancel()
		work.Wait()
		return requests.Load(), failed.Load()
	}
}

func TestKeepAliveClientsSurviveChanges(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	old, young := c.server("old", nil), c.server("young", nil)
	address, listener, group := c.serving(old.Listener.Addr().String())
	stop := clients(c, address)

	rule := c.rule(listener, 1, forwardTo(group), hostIs("other.com"))
	c.register(group, young.Listener.Addr().String())
	eventually(c, "health", func() string { return c.health(group, young.Listener.Addr().String()) }, "healthy")
	c.deregister(group, old.Listener.Addr().String())
	must(c.elb.DeleteRule(t.Context(), &elbv2.DeleteRuleInput{RuleArn: &rule}))(c)
	second := forwardTo(group, c.targetGroup("empty", nil))
	second[0].ForwardConfig.TargetGroups[1].Weight = aws.Int32(0)
	must(c.elb.ModifyListener(t.Context(), &elbv2.ModifyListenerInput{ListenerArn: &listener, DefaultActions: second}))(c)
	time.Sleep(12 * time.Second / testSpeed) // propagation, which nothing shows from outside
	old.Close()                              // it gets no requests any more
	eventually(c, "the only target", func() response { return c.get(address, "x.com", "/") }, response{200, "young"})

	requests, failed := stop()
	if requests < 20 || failed != 0 {
		t.Errorf("%d of %d requests failed", failed, requests)
	}
}

func TestDeregistrationLetsRequestsFinishUntilTheDelayEnds(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	begun, finish := make(chan string, 2), make(chan struct{})
	slow := c.server("", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			begun <- "slow"
			<-finish
		case "/never":
			begun <- "never"
			<-r.Context().Done()
		}
		_, _ = io.WriteString(w, r.URL.Path)
	}).Listener.Addr().String()
	address, _, group := c.serving(slow)
	must(c.elb.ModifyTargetGroupAttributes(t.Context(), &elbv2.ModifyTargetGroupAttributesInput{
		TargetGroupArn: &group,
		Attributes:     []elbv2types.TargetGroupAttribute{{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("50")}},
	}))(c)
	answers := make(chan response, 2)
	for _, path := range []string{"/slow", "/never"} {
		go func() {
			got, _ := get(c.Context(), http.DefaultClient, address, "x.com", path)
			if got.Status != 200 {
				got.Body = ""
			}
			answers <- got
		}()
		<-begun
	}
	c.deregister(group, slow)
	if got := c.health(group, slow); got != "draining Target.DeregistrationInProgress" {
		t.Errorf("after deregistration the target is %s", got)
	}
	eventually(c, "an answer", func() int { return c.get(address, "x.com", "/").Status }, 503)
	close(finish)
	if diff := cmp.Diff(response{200, "/slow"}, <-answers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(response{502, ""}, <-answers); diff != "" {
		t.Error(diff)
	}
	eventually(c, "health", func() string { return c.health(group, slow) }, "unused Target.NotRegistered")
}

// BenchmarkForward is one request over a kept-alive connection; client, load balancer and target share the processor.
func BenchmarkForward(b *testing.B) {
	c := start(b, nil)
	address, _, _ := c.serving(c.server("one", nil).Listener.Addr().String())
	for b.Loop() {
		if got := c.get(address, "x.com", "/"); got.Status != http.StatusOK {
			b.Fatal(got)
		}
	}
}

func TestListenerAttributesPutHeadersIntoAnswers(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	target := c.server("", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "mine")
		w.Header().Set("X-Frame-Options", "theirs")
	}).Listener.Addr().String()
	address, listener, _ := c.serving(target)
	c.rule(listener, 1, fixed("200", ""), pathIs("/fixed"))
	must(c.elb.ModifyListenerAttributes(t.Context(), &elbv2.ModifyListenerAttributesInput{ListenerArn: &listener, Attributes: []elbv2types.ListenerAttribute{
		{Key: aws.String("routing.http.response.x_frame_options.header_value"), Value: aws.String("DENY")},
	}}))(c)
	ask := func(path string) string {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer := must(http.DefaultClient.Do(request))(c)
		_ = answer.Body.Close()
		return strings.Join(append(answer.Header.Values("Server"), answer.Header.Values("X-Frame-Options")...), " ")
	}
	eventually(c, "a target's answer", func() string { return ask("/") }, "mine DENY")
	eventually(c, "the load balancer's own answer", func() string { return ask("/fixed") }, "awselb/2.0 DENY")
}

// TestChangesTakeOneToThreeSecondsToArrive looks at the earliest moment only: the latest depends on the machine.
func TestChangesTakeOneToThreeSecondsToArrive(t *testing.T) {
	t.Parallel()
	const speed = 5
	c := start(t, func(config *localaws.Config) { config.Speed = speed })
	target := c.server("one", nil).Listener.Addr().String()
	address, listener, group := c.serving(target)
	arrived := func(what string, status int) {
		begun := time.Now()
		eventually(c, what, func() int { return c.get(address, "x.com", "/").Status }, status)
		if took := time.Since(begun); took < time.Second/speed-50*time.Millisecond {
			t.Errorf("%s arrived after %s", what, took)
		}
	}
	rule := c.rule(listener, 1, fixed("404", ""), pathIs("/"))
	arrived("a rule", 404)
	must(c.elb.DeleteRule(t.Context(), &elbv2.DeleteRuleInput{RuleArn: &rule}))(c)
	arrived("the end of a rule", 200)
	c.deregister(group, target)
	arrived("a deregistration", 503)
}
