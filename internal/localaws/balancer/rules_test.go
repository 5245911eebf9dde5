package balancer_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
)

func expressions(texts ...string) (all []*regexp.Regexp) {
	for _, text := range texts {
		all = append(all, regexp.MustCompile(text))
	}
	return all
}

func TestRegularExpressions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	rule := func(name string, conditions ...balancer.Condition) balancer.Rule {
		return balancer.Rule{Conditions: conditions, Action: balancer.Fixed{Status: 200, Body: name}}
	}
	r.apply(serve(&balancer.Routes{
		Default: balancer.Fixed{Status: 404, Body: "default"},
		Rules: []balancer.Rule{
			rule("host", balancer.HostMatches(expressions(`^(dev|test)[0-9]+\.example\.com$`))),
			rule("path", balancer.PathMatches(expressions(`^/never$`, `^/api/v[0-9]/`))),
			rule("header", balancer.HeaderMatches("X-Color", expressions(`^(red|green)$`))),
		},
	}))
	for _, tt := range []struct{ host, path, color, want string }{
		{"Dev12.example.com:80", "/", "", "host"},
		{"dev.example.com", "/", "", "default"},
		{"x.com", "/api/v1/x", "", "path"},
		{"x.com", "/API/v1/x", "", "default"},
		{"x.com", "/?/api/v1/", "", "default"},
		{"x.com", "/", "green", "header"},
		{"x.com", "/", "greenish", "default"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.address(port)+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = tt.host
		request.Header.Set("X-Color", tt.color)
		if got, _ := send(r, http.DefaultClient, request); got.Body != tt.want {
			t.Errorf("%v: got %s", tt, got.Body)
		}
	}
}

func TestTransforms(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	group, targets := r.group(balancer.Settings{}, server(t, func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.WriteString(w, q.Host+" "+q.RequestURI)
	}))
	forward := to(group)
	forward.RewriteURL = &balancer.Rewrite{Regex: regexp.MustCompile(`^/dp/([A-Za-z0-9]+)/?`), Replace: "/product.php?id=$1x"}
	forward.RewriteTo = &balancer.Rewrite{Regex: regexp.MustCompile(`^mywebsite-(.+).com$`), Replace: "internal.dev.$1.myweb.com"}
	broken := to(group)
	broken.RewriteURL = &balancer.Rewrite{Regex: regexp.MustCompile(`.*`), Replace: "%zz"}
	r.apply(serve(&balancer.Routes{Default: forward, Rules: []balancer.Rule{
		{Conditions: []balancer.Condition{balancer.PathIs([]string{"/broken"})}, Action: broken},
	}}), targets...)
	for _, tt := range []struct{ host, uri, want string }{
		{"mywebsite-example.com", "/dp/B09G3HRMW", "internal.dev.example.myweb.com /product.php?id=B09G3HRMWx"},
		{"other.com", "/a%2Fb?q=1", "other.com /a%2Fb?q=1"},
		{"other.com", "/broken", "500"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.address(port)+tt.uri, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = tt.host
		got, _ := send(r, http.DefaultClient, request)
		if got.Status == 500 {
			got.Body = "500"
		}
		if got.Body != tt.want {
			t.Errorf("got %q, want %q", got.Body, tt.want)
		}
	}
}

func TestAuthenticationKeepsClientsOut(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	at := func(path string, g balancer.Guarded) balancer.Rule {
		g.Action = balancer.Fixed{Status: 200, Body: "in"}
		return balancer.Rule{Conditions: []balancer.Condition{balancer.PathIs([]string{path})}, Action: g}
	}
	const login = "https://idp.example.com/authorize?client_id=me"
	r.apply(serve(&balancer.Routes{
		Default: balancer.Guarded{Action: balancer.Fixed{Status: 200}, Unauthenticated: balancer.UnauthenticatedLogin, Login: login},
		Rules: []balancer.Rule{
			at("/deny", balancer.Guarded{Unauthenticated: balancer.UnauthenticatedDeny}), at("/pass", balancer.Guarded{Pass: true}),
			at("/allow", balancer.Guarded{Unauthenticated: balancer.UnauthenticatedAllow}), at("/token", balancer.Guarded{}),
		},
	}))
	got := map[string]string{}
	for _, path := range []string{"/deny", "/pass", "/allow", "/token", "/login", "/oauth2/idpresponse"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop.example.com"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answered, header := send(r, r.client(port, nil), request)
		location, _, _ := strings.Cut(header.Get("Location"), "&state=")
		got[path] = strings.TrimSpace(http.StatusText(answered.Status) + " " + location)
		if answered.Status == 561 {
			got[path] = "561"
		}
	}
	want := map[string]string{
		"/deny": "Unauthorized", "/pass": "OK", "/allow": "OK", "/token": "Unauthorized", "/oauth2/idpresponse": "561",
		"/login": "Found " + login + "&redirect_uri=http%3A%2F%2Fshop.example.com%2Foauth2%2Fidpresponse",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestHeadersThatDoNotPass(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	group, targets := r.group(balancer.Settings{}, server(t, func(w http.ResponseWriter, q *http.Request) {
		for _, name := range []string{"X_under", "X-Good"} {
			_, _ = io.WriteString(w, q.Header.Get(name))
		}
	}))
	table := serve(&balancer.Routes{Default: to(group)})
	table.DropInvalid = true
	r.apply(table, targets...)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.address(port), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"X_under": {"bad"}, "X-Good": {"good"}}
	if got, _ := send(r, http.DefaultClient, request); got.Body != "good" {
		t.Errorf("got %v", got)
	}
	request.Header = http.Header{"X-Forwarded-For": {strings.Repeat("1.2.3.4,", 30) + "1.2.3.4"}}
	if got, _ := send(r, http.DefaultClient, request); got.Status != 463 {
		t.Errorf("got %v", got)
	}
	request.Header = http.Header{"Content-Type": {"application/grpc"}}
	if got, _ := send(r, http.DefaultClient, request); got.Status != 464 {
		t.Errorf("got %v", got)
	}
}
