package balancer_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
)

// visitor keeps the cookies it gets, as a browser does, and can forget some.
type visitor struct {
	*rig
	cookies map[string]*http.Cookie
}

func (r *rig) visitor() *visitor { return &visitor{rig: r, cookies: map[string]*http.Cookie{}} }

// visit is the body of one answer.
func (v *visitor) visit() string {
	v.Helper()
	request, err := http.NewRequestWithContext(v.Context(), http.MethodGet, "http://"+v.address(port)+"/", nil)
	if err != nil {
		v.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(v.cookies)) {
		request.AddCookie(v.cookies[name])
	}
	got, header := send(v.rig, http.DefaultClient, request)
	for _, cookie := range (&http.Response{Header: header}).Cookies() {
		v.cookies[cookie.Name] = cookie
	}
	return got.Body
}

// visits is how often each answer came.
func (v *visitor) visits(n int) map[string]int {
	v.Helper()
	seen := map[string]int{}
	for range n {
		seen[v.visit()]++
	}
	return seen
}

func TestLoadBalancerCookieKeepsTheTarget(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	group, targets := r.group(balancer.Settings{
		Stickiness: balancer.Stickiness{Type: balancer.LBCookie, Duration: time.Hour},
	}, named(t, "one"), named(t, "two"), named(t, "three"))
	names := map[string]*balancer.Target{"one": targets[0], "two": targets[1], "three": targets[2]}
	r.apply(serve(&balancer.Routes{Default: to(group)}), targets...)
	v := r.visitor()
	home := v.visit()
	if diff := cmp.Diff([]string{"AWSALB", "AWSALBCORS"}, slices.Sorted(maps.Keys(v.cookies))); diff != "" {
		t.Error(diff)
	}
	cors := v.cookies["AWSALBCORS"]
	if !cors.Secure || cors.SameSite != http.SameSiteNoneMode || cors.Path != "/" || time.Until(cors.Expires) < 6*24*time.Hour {
		t.Errorf("got the cookie %v", cors)
	}
	if diff := cmp.Diff(map[string]int{home: 20}, v.visits(20)); diff != "" {
		t.Error(diff)
	}
	delete(v.cookies, "AWSALB") // a request from another site
	if diff := cmp.Diff(map[string]int{home: 20}, v.visits(20)); diff != "" {
		t.Error(diff)
	}
	group.Remove(names[home])
	second := v.visit()
	if second == home {
		t.Errorf("a target that was removed got a request")
	}
	if diff := cmp.Diff(map[string]int{second: 20}, v.visits(20)); diff != "" {
		t.Error(diff)
	}
	v.cookies["AWSALB"].Value += "x"
	v.cookies["AWSALBCORS"].Value = "forged"
	if got := v.visit(); got == "" {
		t.Error("a forged cookie was not ignored")
	}
}

func TestStickinessEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	group, targets := r.group(balancer.Settings{
		Stickiness: balancer.Stickiness{Type: balancer.LBCookie, Duration: time.Millisecond},
	}, named(t, "one"), named(t, "two"))
	r.apply(serve(&balancer.Routes{Default: to(group)}), targets...)
	v := r.visitor()
	eventually(t, "how many targets answer", func() int { time.Sleep(2 * time.Millisecond); return len(v.visits(4)) }, 2)
}

func TestApplicationCookieKeepsTheTarget(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	signing := func(name string) *httptest.Server {
		return server(t, func(w http.ResponseWriter, q *http.Request) {
			if q.Header.Get("User-Agent") != "ELB-HealthChecker/2.0" && len(q.CookiesNamed("session")) == 0 {
				http.SetCookie(w, &http.Cookie{Name: "session", Value: name})
			}
			_, _ = io.WriteString(w, name)
		})
	}
	group, targets := r.group(balancer.Settings{
		Stickiness: balancer.Stickiness{Type: balancer.AppCookie, Cookie: "session", Duration: time.Hour},
	}, signing("one"), signing("two"))
	r.apply(serve(&balancer.Routes{Default: to(group)}), targets...)
	v := r.visitor()
	home := v.visit()
	if diff := cmp.Diff([]string{"AWSALBAPP-0", "session"}, slices.Sorted(maps.Keys(v.cookies))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{home: 20}, v.visits(20)); diff != "" {
		t.Error(diff)
	}
	half := r.visitor()
	half.cookies["AWSALBAPP-0"] = v.cookies["AWSALBAPP-0"]
	seen := map[string]int{}
	for range 20 { // without the application's cookie the other is not enough
		seen[half.visit()]++
		delete(half.cookies, "session")
	}
	if len(seen) != 2 {
		t.Errorf("with half of the cookies the visitor stayed: %v", seen)
	}
}

func TestGroupCookieKeepsTheGroup(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	one, oneTargets := r.group(balancer.Settings{}, named(t, "one"))
	two, twoTargets := r.group(balancer.Settings{}, named(t, "two"))
	forward := to(one, two)
	forward.Stickiness = time.Hour
	r.apply(serve(&balancer.Routes{Default: forward}), append(oneTargets, twoTargets...)...)
	homes := map[string]int{}
	for range 20 {
		v := r.visitor()
		home := v.visit()
		homes[home]++
		if diff := cmp.Diff(map[string]int{home: 5}, v.visits(5)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"AWSALBTG", "AWSALBTGCORS"}, slices.Sorted(maps.Keys(v.cookies))); diff != "" {
			t.Error(diff)
		}
	}
	if len(homes) != 2 {
		t.Errorf("all visitors went to one group: %v", homes)
	}
}
