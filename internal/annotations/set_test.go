package annotations_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/annotations"
)

func on(name, value string) annotations.Set {
	return annotations.New(map[string]string{annotations.Prefix + name: value}, nil)
}

func TestServiceReplacesTheWholeValue(t *testing.T) {
	t.Parallel()
	ingress := map[string]string{
		annotations.Prefix + "tags":             "team=shop,cost=1",
		annotations.Prefix + "healthcheck-path": "/ready",
		annotations.Prefix + "scheme":           "internal",
	}
	service := map[string]string{
		annotations.Prefix + "tags":   "cost=2",
		annotations.Prefix + "scheme": "internet-facing",
	}
	set := annotations.New(ingress, service)
	got, err := set.StringMap("tags")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"cost": "2"}, got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	if got := set.String("healthcheck-path", "/"); got != "/ready" {
		t.Errorf("what only the Ingress says counts: got %s", got)
	}
	if got := set.String("scheme", ""); got != "internal" {
		t.Errorf("a Service has no say in the scheme: got %s", got)
	}
}

func TestStringMap(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, value string
		want        map[string]string
		wrong       bool
	}{
		{name: "empty", value: "", want: map[string]string{}},
		{name: "pairs", value: "a=b,c=d", want: map[string]string{"a": "b", "c": "d"}},
		{name: "blanks", value: " a = b , c=d ", want: map[string]string{"a": "b", "c": "d"}},
		{name: "equals_in_value", value: "a=b=c", want: map[string]string{"a": "b=c"}},
		{name: "comma_in_value", value: `a=b\,c,d=e`, want: map[string]string{"a": "b,c", "d": "e"}},
		{name: "backslash_in_value", value: `a=b\\c`, want: map[string]string{"a": `b\c`}},
		{name: "backslash_at_the_end", value: `a=b\`, want: map[string]string{"a": `b\`}},
		{name: "comma_at_the_end", value: "a=b,", want: map[string]string{"a": "b,"}},
		{name: "empty_value", value: "a=", want: map[string]string{"a": ""}},
		{name: "key_twice", value: "a=b,a=c", want: map[string]string{"a": "c"}},
		{name: "no_equals", value: "a", wrong: true},
		{name: "no_key", value: "=b", wrong: true},
		{name: "empty_piece", value: "a=b,,c=d", wrong: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := on("tags", tc.value).StringMap("tags")
			if (err != nil) != tc.wrong {
				t.Fatalf("want an error: %t, got %v", tc.wrong, err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAbsentIsNotEmpty(t *testing.T) {
	t.Parallel()
	absent := annotations.New(nil, nil)
	if got, err := absent.StringMap("tags"); got != nil || err != nil {
		t.Errorf("want nil, got %v, %v", got, err)
	}
	if absent.Has("tags") || !on("tags", "").Has("tags") {
		t.Error("an empty value is there, an absent one is not")
	}
	if got, err := absent.Int32("healthcheck-interval-seconds", 15); got != 15 || err != nil {
		t.Errorf("want the fallback, got %d, %v", got, err)
	}
}

func TestStringList(t *testing.T) {
	t.Parallel()
	got := on("subnets", " subnet-1, ,subnet-2,").StringList("subnets")
	if diff := cmp.Diff([]string{"subnet-1", "subnet-2"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestListenPorts(t *testing.T) {
	t.Parallel()
	got, err := on("listen-ports", `[{"HTTP": 8080}, {"HTTP": 80}, {"HTTP": 80}]`).ListenPorts()
	want := []annotations.ListenPort{{Protocol: "HTTP", Port: 80}, {Protocol: "HTTP", Port: 8080}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	for _, wrong := range []string{``, `[]`, `[{}]`, `80`, `{"HTTP":80}`, `[{"HTTP":0}]`, `[{"HTTP":65536}]`, `[{"http":80}]`, `[{"TCP":80}]`, `[{"HTTP":"80"}]`, `[{"HTTP":80}] x`} {
		if got, err := on("listen-ports", wrong).ListenPorts(); err == nil {
			t.Errorf("%s: want an error, got %v", wrong, got)
		}
	}
}

func TestErrorsNameKeyValueAndRemedy(t *testing.T) {
	t.Parallel()
	_, err := on("healthcheck-interval-seconds", "15s").Int32("healthcheck-interval-seconds", 15)
	want := annotations.Finding{
		Key:     "alb.ingress.kubernetes.io/healthcheck-interval-seconds",
		Value:   "15s",
		Reason:  annotations.ReasonInvalid,
		Message: `annotation alb.ingress.kubernetes.io/healthcheck-interval-seconds: "15s" is not a whole number`,
		Remedy:  "write a number from 5 to 300, without a unit",
		Fatal:   true,
	}
	got, ok := errors.AsType[annotations.Finding](err)
	if diff := cmp.Diff(want, got); !ok || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestChoice(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, key, value, fallback, want, reason string }{
		{name: "allowed", key: "scheme", value: "internet-facing", fallback: "internal", want: "internet-facing"},
		{name: "slip", key: "scheme", value: "internet_facing", fallback: "internal", reason: annotations.ReasonInvalid},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := on(tc.key, tc.value).Choice(tc.key, tc.fallback)
			finding, _ := errors.AsType[annotations.Finding](err)
			if got != tc.want || finding.Reason != tc.reason {
				t.Errorf("want %q and reason %q, got %q and %v", tc.want, tc.reason, got, err)
			}
		})
	}
	if _, err := annotations.New(nil, nil).Choice("target-type", "node"); err == nil {
		t.Error("a fallback that is not allowed is a finding too")
	}
}
