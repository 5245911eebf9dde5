package annotations_test

import (
	"errors"
	"slices"
	"testing"
	"unicode/utf8"

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

// FuzzAction: what is read is one action within AWS's limits.
func FuzzAction(f *testing.F) {
	for _, seed := range []string{
		`{"type":"forward","targetGroupARN":"arn:aws:elasticloadbalancing:us-west-2:1:targetgroup/x/1"}`,
		`{"type":"forward","targetGroupName":"x"}`,
		`{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"cart","servicePort":80,"weight":1},{"serviceName":"pay","servicePort":"http","weight":999}],"targetGroupStickinessConfig":{"enabled":true,"durationSeconds":60}}}`,
		`{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"cart","servicePort":"080"}]}}`,
		`{"type":"redirect","redirectConfig":{"host":"#{host}","path":"/#{path}","port":"443","protocol":"HTTPS","query":"#{query}","statusCode":"HTTP_301"}}`,
		`{"type":"fixed-response","fixedResponseConfig":{"contentType":"text/plain","messageBody":"ü","statusCode":"404"}}`,
		`{"type":"redirect","redirectConfig":{"query":"","statusCode":"HTTP_301"}}`,
		`null`, `{}`, `[]`, `{"type":1}`, ``,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := on("actions.x", value).Action("x")
		for _, target := range on("actions.x", value).ActionTargets("x") {
			if target.ARN+target.Name+target.Service == "" {
				t.Errorf("%q names a target without a name", value)
			}
		}
		if err != nil {
			expectFinding(t, err, "actions.x", value)
			return
		}
		if wrong := wrongAction(got); wrong != "" {
			t.Errorf("%q: %s: %+v", value, wrong, got)
		}
	})
}

func wrongAction(action *annotations.Action) string {
	set := 0
	if action.Redirect != nil {
		set++
	}
	if action.FixedResponse != nil {
		set++
		if utf8.RuneCountInString(action.FixedResponse.Body) > 1024 {
			return "a long body"
		}
	}
	if action.Forward != nil {
		set++
		targets := action.Forward.Targets
		if len(targets) < 1 || len(targets) > 5 {
			return "no target, or too many"
		}
		for _, target := range targets {
			ways := 0
			for _, way := range []string{target.ARN, target.Name, target.Service} {
				if way != "" {
					ways++
				}
			}
			if ways != 1 || target.Service != "" && target.Port == "" {
				return "not one way to name a target"
			}
			if target.Weight == nil && len(targets) > 1 || target.Weight != nil && (*target.Weight < 0 || *target.Weight > 999) {
				return "a wrong weight"
			}
		}
	}
	if set != 1 {
		return "not one action"
	}
	return ""
}

// FuzzConditions: each has values of one kind, none of them empty or too long.
func FuzzConditions(f *testing.F) {
	for _, seed := range []string{
		`[{"field":"host-header","hostHeaderConfig":{"values":["*.example.com"]}}]`,
		`[{"field":"path-pattern","pathPatternConfig":{"regexValues":["^/a"]}}]`,
		`[{"field":"http-header","httpHeaderConfig":{"httpHeaderName":"X","values":["1"]}},{"field":"http-request-method","httpRequestMethodConfig":{"values":["GET"]}}]`,
		`[{"field":"query-string","queryStringConfig":{"values":[{"key":"a","value":"b"},{"value":"c"}]}},{"field":"source-ip","sourceIPConfig":{"values":["10.0.0.0/8","2001:db8::/32"]}}]`,
		`[{"field":"cookie"},null]`, `null`, `[]`, `{}`, ``,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := on("conditions.x", value).Conditions("x")
		if err != nil {
			expectFinding(t, err, "conditions.x", value)
			return
		}
		for _, c := range got {
			kinds := 0
			for _, n := range []int{len(c.Values), len(c.Regex), len(c.Query)} {
				kinds += min(n, 1)
			}
			texts := slices.Concat(c.Values, c.Regex)
			for _, pair := range c.Query {
				texts = append(texts, pair.Value)
			}
			wrong := func(text string) bool { return text == "" || utf8.RuneCountInString(text) > 128 }
			if kinds != 1 || len(texts) > 5 || slices.ContainsFunc(texts, wrong) {
				t.Errorf("%q: %+v", value, c)
			}
		}
	})
}

// FuzzTransforms: at most two, each of a known type and with something to rewrite.
func FuzzTransforms(f *testing.F) {
	for _, seed := range []string{
		`[{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"regex":"^/a/(.*)$","replace":"/$1"}]}}]`,
		`[{"type":"host-header-rewrite","hostHeaderRewriteConfig":{"rewrites":[{"regex":"a","replace":""}]}},{"type":"url-rewrite"}]`,
		`null`, `[]`, `{}`, ``,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := on("transforms.x", value).Transforms("x")
		if err != nil {
			expectFinding(t, err, "transforms.x", value)
			return
		}
		for _, transform := range got {
			if len(got) > 2 || transform.Type != "url-rewrite" && transform.Type != "host-header-rewrite" || len(transform.Rewrites) == 0 {
				t.Errorf("%q: %+v", value, got)
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
