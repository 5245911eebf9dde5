package annotations_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/annotations"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	type brief struct {
		Reason, Message, Remedy string
		Fatal                   bool
	}
	for _, tc := range []struct {
		name       string
		on         annotations.Object
		key, value string
		want       *brief
	}{
		{name: "fine", on: annotations.OnIngress, key: annotations.Prefix + "scheme", value: "internal"},
		{name: "not_ours", on: annotations.OnIngress, key: "nginx.ingress.kubernetes.io/rewrite-target", value: "/"},
		{
			name: "slip_in_the_key", on: annotations.OnIngress, key: annotations.Prefix + "healthchek-path", value: "/",
			want: &brief{
				Reason:  annotations.ReasonUnknown,
				Message: "annotation alb.ingress.kubernetes.io/healthchek-path: nobody reads it",
				Remedy:  "write alb.ingress.kubernetes.io/healthcheck-path if that is meant, else remove it",
			},
		},
		{
			name: "nothing_near", on: annotations.OnIngress, key: annotations.Prefix + "colour", value: "blue",
			want: &brief{
				Reason:  annotations.ReasonUnknown,
				Message: "annotation alb.ingress.kubernetes.io/colour: nobody reads it",
				Remedy:  "remove it",
			},
		},
		{
			name: "not_built", on: annotations.OnIngress, key: annotations.Prefix + "wafv2-acl-name", value: "web",
			want: &brief{
				Reason:  annotations.ReasonNotBuilt,
				Message: "annotation alb.ingress.kubernetes.io/wafv2-acl-name: this build does not serve it yet",
				Remedy:  "remove it if the load balancer may do without",
				Fatal:   true,
			},
		},
		{name: "not_built_but_default", on: annotations.OnIngress, key: annotations.Prefix + "enable-frontend-nlb", value: "False"},
		{
			name: "not_built_family", on: annotations.OnIngress, key: annotations.Prefix + "target-control-port.cart.80", value: "3000",
			want: &brief{
				Reason:  annotations.ReasonNotBuilt,
				Message: "annotation alb.ingress.kubernetes.io/target-control-port.cart.80: this build does not serve it yet",
				Remedy:  "remove it if the load balancer may do without",
				Fatal:   true,
			},
		},
		{name: "action", on: annotations.OnIngress, key: annotations.Prefix + "actions.answer", value: `{"type":"fixed-response","fixedResponseConfig":{"statusCode":"404"}}`},
		{
			name: "action_in_the_wrong_form", on: annotations.OnIngress, key: annotations.Prefix + "actions.answer", value: `{"type":"redirect"}`,
			want: &brief{
				Reason:  annotations.ReasonInvalid,
				Message: `annotation alb.ingress.kubernetes.io/actions.answer: "{\"type\":\"redirect\"}" has no redirectConfig`,
				Remedy:  "add redirectConfig",
				Fatal:   true,
			},
		},
		{
			name: "condition_of_an_unknown_field", on: annotations.OnIngress, key: annotations.Prefix + "conditions.cart", value: `[{"field":"host"}]`,
			want: &brief{
				Reason:  annotations.ReasonInvalid,
				Message: `annotation alb.ingress.kubernetes.io/conditions.cart: "[{\"field\":\"host\"}]" has the field "host" in [0], which is none, so that this condition is not asked for`,
				Remedy:  `write "host-header" or "path-pattern" or "http-header" or "http-request-method" or "query-string" or "source-ip"`,
			},
		},
		{
			name: "transform_without_rewrites", on: annotations.OnIngress, key: annotations.Prefix + "transforms.cart", value: `[{"type":"url-rewrite"}]`,
			want: &brief{
				Reason:  annotations.ReasonInvalid,
				Message: `annotation alb.ingress.kubernetes.io/transforms.cart: "[{\"type\":\"url-rewrite\"}]" in [0] has no urlRewriteConfig with rewrites`,
				Remedy:  "add urlRewriteConfig with rewrites",
				Fatal:   true,
			},
		},
		{name: "instance", on: annotations.OnService, key: annotations.Prefix + "target-type", value: "instance"},
		{name: "secure_listener", on: annotations.OnIngress, key: annotations.Prefix + "listen-ports", value: `[{"HTTPS":443}]`},
		{
			name: "out_of_bounds", on: annotations.OnService, key: annotations.Prefix + "healthy-threshold-count", value: "1",
			want: &brief{
				Reason:  annotations.ReasonInvalid,
				Message: `annotation alb.ingress.kubernetes.io/healthy-threshold-count: "1" is out of bounds`,
				Remedy:  "write a number from 2 to 10, without a unit",
				Fatal:   true,
			},
		},
		{
			name: "bad_range", on: annotations.OnIngress, key: annotations.Prefix + "inbound-cidrs", value: "10.0.0.0/8, 10.0.0.1",
			want: &brief{
				Reason:  annotations.ReasonInvalid,
				Message: `annotation alb.ingress.kubernetes.io/inbound-cidrs: "10.0.0.0/8, 10.0.0.1" holds "10.0.0.1", which is not a range of addresses`,
				Remedy:  `write ranges such as "10.0.0.0/8" or "2001:db8::/32", separated by commas`,
				Fatal:   true,
			},
		},
		{
			name: "on_the_wrong_object", on: annotations.OnService, key: annotations.Prefix + "scheme", value: "internal",
			want: &brief{
				Reason:  annotations.ReasonMisplaced,
				Message: "annotation alb.ingress.kubernetes.io/scheme: it is not read on a Service",
				Remedy:  "put it on an Ingress",
			},
		},
		{
			name: "label_written_as_annotation", on: annotations.OnPod, key: "sluice.dev/readiness-gate", value: "on",
			want: &brief{
				Reason:  annotations.ReasonMisplaced,
				Message: "annotation sluice.dev/readiness-gate: it is not read on a Pod",
				Remedy:  "make it a label of a Pod",
			},
		},
		{
			name: "drain_with_a_unit", on: annotations.OnPod, key: "sluice.dev/drain", value: "20s",
			want: &brief{
				Reason:  annotations.ReasonInvalid,
				Message: `annotation sluice.dev/drain: "20s" is not in the form it must have`,
				Remedy:  `write "auto", "nlb", "off" or a number of seconds`,
				Fatal:   true,
			},
		},
		{name: "written_by_admission", on: annotations.OnPod, key: "sluice.dev/injected-gates", value: "x"},
		{name: "written_by_the_incumbent", on: annotations.OnIngress, key: annotations.Prefix + "dry-run-plan", value: "{}"},
		{
			name: "family_without_a_name", on: annotations.OnIngress, key: annotations.Prefix + "actions.", value: "{}",
			want: &brief{
				Reason:  annotations.ReasonUnknown,
				Message: "annotation alb.ingress.kubernetes.io/actions.: nobody reads it",
				Remedy:  "remove it",
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var got *brief
			for _, f := range annotations.Check(tc.on, map[string]string{tc.key: tc.value}) {
				got = &brief{Reason: f.Reason, Message: f.Message, Remedy: f.Remedy, Fatal: f.Fatal}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// What the table gives as default must itself pass the check.
func TestTableHoldsTogether(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, key := range annotations.Keys() {
		if seen[key.String()] {
			t.Errorf("%s is there twice", key)
		}
		seen[key.String()] = true
		if key.Doc == "" || key.On == 0 && key.Label == 0 {
			t.Errorf("%s: want a sentence and a place", key)
		}
		if key.Default == "" || key.On == 0 {
			continue
		}
		for _, f := range annotations.Check(key.On, map[string]string{key.String(): key.Default}) {
			t.Errorf("the default does not pass: %v", f)
		}
	}
}
