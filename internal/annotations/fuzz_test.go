package annotations_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/sluice-lb/sluice/internal/annotations"
)

// FuzzStringMap: a map that was read can be written so that it reads the same again, and what
// cannot be read is a finding about this very annotation.
func FuzzStringMap(f *testing.F) {
	for _, seed := range []string{"", "a=b", "a=b,c=d", `a=b\,c`, `a\=b=c`, "a=b,", ",", "=", `\`, " a = b ", "a==", "ü=ö", "a=b,,"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := on("tags", value).StringMap("tags")
		if err != nil {
			expectFinding(t, err, "tags", value)
			return
		}
		for key, item := range got {
			again, err := on("tags", escape(key)+"="+escape(item)).StringMap("tags")
			if err != nil || again[key] != item {
				t.Errorf("%q: %q=%q reads as %v, %v", value, key, item, again, err)
			}
		}
	})
}

// FuzzListenPorts: what is read is sorted, within bounds, and has each port once.
func FuzzListenPorts(f *testing.F) {
	for _, seed := range []string{`[{"HTTP":80}]`, `[{"HTTP":80,"HTTPS":443}]`, `[]`, `null`, `[null]`, `[{"HTTP":80.0}]`, `[{"HTTP":1e2}]`, `{`, `[{"HTTP":80},{"HTTP":80}]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		ports, err := on("listen-ports", value).ListenPorts()
		if err != nil {
			expectFinding(t, err, "listen-ports", value)
			return
		}
		var last int32
		for _, port := range ports {
			if port.Port <= last || port.Port > 65535 || port.Protocol != "HTTP" && port.Protocol != "HTTPS" {
				t.Errorf("%q: %v", value, ports)
			}
			last = port.Port
		}
	})
}

// FuzzCheck: no key and no value makes it stumble, it finds the same twice, and each finding
// says what to do.
func FuzzCheck(f *testing.F) {
	for _, key := range annotations.Keys() {
		f.Add(key.String(), key.Default)
	}
	f.Add("alb.ingress.kubernetes.io/", "")
	f.Add("sluice.dev/", "x")
	f.Add("alb.ingress.kubernetes.io/sheme", "internal")
	f.Fuzz(func(t *testing.T, key, value string) {
		for _, on := range []annotations.Object{annotations.OnIngress, annotations.OnService, annotations.OnPod, annotations.OnNamespace} {
			object := map[string]string{key: value}
			findings := annotations.Check(on, object)
			if !slices.Equal(findings, annotations.Check(on, object)) {
				t.Error("want the same findings again")
			}
			for _, finding := range findings {
				if finding.Key != key || finding.Value != value || finding.Reason == "" || finding.Message == "" || finding.Remedy == "" {
					t.Errorf("incomplete: %+v", finding)
				}
			}
		}
	})
}

func expectFinding(t *testing.T, err error, name, value string) {
	t.Helper()
	finding, ok := errors.AsType[annotations.Finding](err)
	if !ok || finding.Key != annotations.Prefix+name || finding.Value != value || finding.Remedy == "" || !finding.Fatal {
		t.Errorf("want a finding about %s=%q, got %#v", name, value, err)
	}
}

func escape(text string) string {
	var escaped []byte
	for _, b := range []byte(text) {
		escaped = append(escaped, '\\', b)
	}
	return string(escaped)
}
