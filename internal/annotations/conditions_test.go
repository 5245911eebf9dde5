package annotations_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/annotations"
)

func TestConditions(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, value string
		want        []annotations.Condition
		wrong       string // what the finding says after the value; empty: there is none
	}{
		{name: "host", value: `[{"field":"host-header","hostHeaderConfig":{"values":["a","b"]}}]`, want: []annotations.Condition{{Field: "host-header", Values: []string{"a", "b"}}}},
		{name: "path_by_expression", value: `[{"field":"path-pattern","pathPatternConfig":{"regexValues":["^/a"]}}]`, want: []annotations.Condition{{Field: "path-pattern", Regex: []string{"^/a"}}}},
		{
			name: "header", value: `[{"field":"http-header","httpHeaderConfig":{"httpHeaderName":"X","values":["1"]}}]`,
			want: []annotations.Condition{{Field: "http-header", Header: "X", Values: []string{"1"}}},
		},
		{
			name: "method_and_source", value: `[{"field":"http-request-method","httpRequestMethodConfig":{"values":["M-SEARCH"]}},{"field":"source-ip","sourceIPConfig":{"values":["10.0.0.0/8","2001:db8::/32"]}}]`,
			want: []annotations.Condition{{Field: "http-request-method", Values: []string{"M-SEARCH"}}, {Field: "source-ip", Values: []string{"10.0.0.0/8", "2001:db8::/32"}}},
		},
		{
			name: "query", value: `[{"field":"query-string","queryStringConfig":{"values":[{"key":"a","value":"b"},{"value":"c"}]}}]`,
			want: []annotations.Condition{{Field: "query-string", Query: []annotations.Pair{{Key: "a", Value: "b"}, {Value: "c"}}}},
		},
		{name: "unknown_field_is_left_out", value: `[{"field":"cookie"},{"field":"source-ip","sourceIPConfig":{"values":["10.0.0.0/8"]}}]`, want: []annotations.Condition{{Field: "source-ip", Values: []string{"10.0.0.0/8"}}}},
		{name: "configs_of_other_fields_are_ignored", value: `[{"field":"host-header","hostHeaderConfig":{"values":["a"]},"sourceIPConfig":{}}]`, want: []annotations.Condition{{Field: "host-header", Values: []string{"a"}}}},
		{name: "none", value: `[]`},
		{name: "null", value: `null`},
		{name: "empty", value: ``, wrong: "is not JSON of the right form"},
		{name: "object", value: `{}`, wrong: "is not JSON of the right form"},
		{name: "number_as_value", value: `[{"field":"host-header","hostHeaderConfig":{"values":[1]}}]`, wrong: "has a value of type number at hostHeaderConfig.values"},
		{name: "no_config", value: `[{"field":"host-header"}]`, wrong: "in [0] has no hostHeaderConfig"},
		{name: "no_values", value: `[{"field":"query-string","queryStringConfig":{"values":[]}}]`, wrong: "in [0] has no values"},
		{name: "both_kinds", value: `[{"field":"host-header","hostHeaderConfig":{"values":["a"],"regexValues":["b"]}}]`, wrong: "in [0] has both values and regexValues"},
		{name: "empty_value", value: `[{"field":"host-header","hostHeaderConfig":{"values":["a",""]}}]`, wrong: `in [0] has the value ""`},
		{name: "empty_query_value", value: `[{"field":"query-string","queryStringConfig":{"values":[{"key":"a"}]}}]`, wrong: `in [0] has the value ""`},
		{name: "long_value", value: `[{"field":"host-header","hostHeaderConfig":{"values":["` + strings.Repeat("a", 129) + `"]}}]`, wrong: `in [0] has the value "` + strings.Repeat("a", 129) + `"`},
		{name: "no_header_name", value: `[{"field":"http-header","httpHeaderConfig":{"values":["1"]}}]`, wrong: `in [0] has the httpHeaderName ""`},
		{name: "method_in_lower_case", value: `[{"field":"http-request-method","httpRequestMethodConfig":{"values":["get"]}}]`, wrong: `in [0] has the value "get"`},
		{name: "source_without_mask", value: `[{"field":"source-ip","sourceIPConfig":{"values":["10.0.0.1"]}}]`, wrong: `in [0] has the value "10.0.0.1"`},
		{name: "second_of_two", value: `[{"field":"host-header","hostHeaderConfig":{"values":["a"]}},{"field":"source-ip"}]`, wrong: "in [1] has no sourceIPConfig"},
		{
			name: "two_on_the_method", value: `[{"field":"http-request-method","httpRequestMethodConfig":{"values":["GET"]}},{"field":"http-request-method","httpRequestMethodConfig":{"values":["PUT"]}}]`,
			wrong: "has two conditions on http-request-method",
		},
		{name: "six_values", value: `[{"field":"host-header","hostHeaderConfig":{"values":["a","b","c"]}},{"field":"path-pattern","pathPatternConfig":{"values":["/a","/b","/c"]}}]`, wrong: "has 6 values"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := on("conditions.x", tc.value).Conditions("x")
			expectWrong(t, err, tc.wrong)
			if diff := cmp.Diff(tc.want, got); diff != "" && tc.wrong == "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTransforms(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, value string
		want        []annotations.Transform
		wrong       string
	}{
		{
			name: "both", value: `[{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"regex":"a","replace":"b"}]}},{"type":"host-header-rewrite","hostHeaderRewriteConfig":{"rewrites":[{"regex":"c","replace":""}]}}]`,
			want: []annotations.Transform{{Type: "url-rewrite", Rewrites: []annotations.Rewrite{{Regex: "a", Replace: "b"}}}, {Type: "host-header-rewrite", Rewrites: []annotations.Rewrite{{Regex: "c"}}}},
		},
		{name: "none", value: `[]`},
		{name: "unknown_type", value: `[{"type":"path-rewrite"}]`, wrong: `in [0] has the type "path-rewrite", which is none`},
		{name: "config_of_the_other_type", value: `[{"type":"url-rewrite","hostHeaderRewriteConfig":{"rewrites":[{"regex":"a","replace":"b"}]}}]`, wrong: "in [0] has no urlRewriteConfig with rewrites"},
		{name: "no_rewrites", value: `[{"type":"host-header-rewrite","hostHeaderRewriteConfig":{"rewrites":[]}}]`, wrong: "in [0] has no hostHeaderRewriteConfig with rewrites"},
		{name: "no_expression", value: `[{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"replace":"b"}]}}]`, wrong: `in [0] has the regex ""`},
		{name: "three", value: "[" + strings.TrimSuffix(strings.Repeat(`{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"regex":"a","replace":"b"}]}},`, 3), ",") + "]", wrong: "has 3 transforms"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := on("transforms.x", tc.value).Transforms("x")
			expectWrong(t, err, tc.wrong)
			if diff := cmp.Diff(tc.want, got); diff != "" && tc.wrong == "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
