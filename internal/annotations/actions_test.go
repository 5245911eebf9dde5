package annotations_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/annotations"
)

const arn = "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/old/0123456789abcdef"

func TestAction(t *testing.T) {
	t.Parallel()
	forward := func(targets ...annotations.Target) *annotations.Action {
		return &annotations.Action{Forward: &annotations.Forward{Targets: targets}}
	}
	for _, tc := range []struct {
		name, value string
		want        *annotations.Action
		wrong       string // what the finding says after the value; empty: there is none
	}{
		{name: "short_form_by_arn", value: `{"type":"forward","targetGroupARN":"` + arn + `"}`, want: forward(annotations.Target{ARN: arn})},
		{name: "short_form_by_name", value: `{"type":"forward","targetGroupName":"old"}`, want: forward(annotations.Target{Name: "old"})},
		{name: "short_form_with_both", value: `{"type":"forward","targetGroupName":"old","targetGroupARN":"` + arn + `"}`, want: forward(annotations.Target{ARN: arn})},
		{
			name: "weights", value: `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"cart","servicePort":80,"weight":0},{"targetGroupName":"old","weight":999}]}}`,
			want: forward(annotations.Target{Service: "cart", Port: "80", Weight: new(int32(0))}, annotations.Target{Name: "old", Weight: new(int32(999))}),
		},
		{name: "port_in_quotes", value: `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"cart","servicePort":"080"}]}}`, want: forward(annotations.Target{Service: "cart", Port: "80"})},
		{name: "port_by_name", value: `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"cart","servicePort":"http"}]}}`, want: forward(annotations.Target{Service: "cart", Port: "http"})},
		{
			name: "stickiness", value: `{"type":"forward","forwardConfig":{"targetGroups":[{"targetGroupName":"old"}],"targetGroupStickinessConfig":{"enabled":true,"durationSeconds":60}}}`,
			want: &annotations.Action{Forward: &annotations.Forward{Targets: []annotations.Target{{Name: "old"}}, Stickiness: &annotations.Stickiness{Enabled: true, Duration: time.Minute}}},
		},
		{
			name: "stickiness_off", value: `{"type":"forward","forwardConfig":{"targetGroups":[{"targetGroupName":"old"}],"targetGroupStickinessConfig":{"enabled":false}}}`,
			want: &annotations.Action{Forward: &annotations.Forward{Targets: []annotations.Target{{Name: "old"}}, Stickiness: &annotations.Stickiness{}}},
		},
		{
			name: "redirect", value: `{"type":"redirect","redirectConfig":{"protocol":"HTTPS","host":"#{host}","port":"443","path":"/#{path}","query":"#{query}","statusCode":"HTTP_301"}}`,
			want: &annotations.Action{Redirect: &annotations.Redirect{Protocol: "HTTPS", Host: "#{host}", Port: "443", Path: "/#{path}", Query: "#{query}", StatusCode: "HTTP_301"}},
		},
		{
			name: "redirect_without_query", value: `{"type":"redirect","redirectConfig":{"host":"a","query":"","statusCode":"HTTP_302"}}`,
			want: &annotations.Action{Redirect: &annotations.Redirect{Host: "a", DropQuery: true, StatusCode: "HTTP_302"}},
		},
		{
			name: "fields_in_capitals", value: `{"Type":"redirect","RedirectConfig":{"Host":"a","StatusCode":"HTTP_302"}}`,
			want: &annotations.Action{Redirect: &annotations.Redirect{Host: "a", StatusCode: "HTTP_302"}},
		},
		{
			name: "fixed_response", value: `{"type":"fixed-response","fixedResponseConfig":{"statusCode":"404"}}`,
			want: &annotations.Action{FixedResponse: &annotations.FixedResponse{StatusCode: "404"}},
		},
		{
			name: "unknown_fields", value: `{"type":"fixed-response","colour":"blue","fixedResponseConfig":{"statusCode":"404","mood":1}}`,
			want: &annotations.Action{FixedResponse: &annotations.FixedResponse{StatusCode: "404"}},
		},
		{
			name: "longest_body", value: `{"type":"fixed-response","fixedResponseConfig":{"statusCode":"200","messageBody":"` + strings.Repeat("ü", 1024) + `"}}`,
			want: &annotations.Action{FixedResponse: &annotations.FixedResponse{StatusCode: "200", Body: strings.Repeat("ü", 1024)}},
		},
		{name: "empty", value: ``, wrong: "is not JSON of the right form"},
		{name: "list", value: `[]`, wrong: "is not JSON of the right form"},
		{name: "null", value: `null`, wrong: `has the type "", which is none`},
		{name: "unknown_type", value: `{"type":"Forward"}`, wrong: `has the type "Forward", which is none`},
		{name: "wrong_type_of_a_field", value: `{"type":"redirect","redirectConfig":{"port":443,"statusCode":"HTTP_301"}}`, wrong: "has a value of type number at redirectConfig.port"},
		{name: "wrong_type_of_a_port", value: `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"cart","servicePort":true}]}}`, wrong: "has a value of type bool at forwardConfig.targetGroups.servicePort"},
		{name: "forward_to_nothing", value: `{"type":"forward"}`, wrong: "has no forwardConfig"},
		{name: "forward_twice", value: `{"type":"forward","targetGroupName":"old","forwardConfig":{}}`, wrong: "has both forwardConfig and a target group beside it"},
		{name: "no_groups", value: `{"type":"forward","forwardConfig":{"targetGroups":[]}}`, wrong: "has no target group"},
		{name: "empty_tuple", value: `{"type":"forward","forwardConfig":{"targetGroups":[{}]}}`, wrong: "in forwardConfig.targetGroups[0] has neither a target group nor a Service"},
		{name: "port_missing", value: `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"cart"}]}}`, wrong: `in forwardConfig.targetGroups[0] has Service "cart" without a port`},
		{name: "port_null", value: `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"cart","servicePort":null}]}}`, wrong: `in forwardConfig.targetGroups[0] has Service "cart" without a port`},
		{name: "no_arn", value: `{"type":"forward","targetGroupARN":"old"}`, wrong: `has "old", which is no ARN of a target group`},
		{name: "negative_weight", value: `{"type":"forward","forwardConfig":{"targetGroups":[{"targetGroupName":"old","weight":-1}]}}`, wrong: "in forwardConfig.targetGroups[0] has the weight -1"},
		{
			name: "six_groups", value: `{"type":"forward","forwardConfig":{"targetGroups":[` + strings.TrimSuffix(strings.Repeat(`{"targetGroupName":"old","weight":1},`, 6), ",") + `]}}`,
			wrong: "has 6 target groups",
		},
		{name: "stickiness_for_ever", value: `{"type":"forward","forwardConfig":{"targetGroups":[{"targetGroupName":"old"}],"targetGroupStickinessConfig":{"enabled":true,"durationSeconds":604801}}}`, wrong: "has durationSeconds out of bounds"},
		{name: "stickiness_without_duration", value: `{"type":"forward","forwardConfig":{"targetGroups":[{"targetGroupName":"old"}],"targetGroupStickinessConfig":{"enabled":true}}}`, wrong: "has stickiness without durationSeconds"},
		{name: "redirect_without_config", value: `{"type":"redirect"}`, wrong: "has no redirectConfig"},
		{name: "redirect_without_code", value: `{"type":"redirect","redirectConfig":{}}`, wrong: `has the statusCode ""`},
		{name: "redirect_with_a_plain_code", value: `{"type":"redirect","redirectConfig":{"statusCode":"301"}}`, wrong: `has the statusCode "301"`},
		{name: "redirect_to_a_lower_case_protocol", value: `{"type":"redirect","redirectConfig":{"protocol":"https","statusCode":"HTTP_301"}}`, wrong: `has the protocol "https"`},
		{name: "redirect_to_port_0", value: `{"type":"redirect","redirectConfig":{"port":"0","statusCode":"HTTP_301"}}`, wrong: `has the port "0"`},
		{name: "redirect_to_a_path_without_slash", value: `{"type":"redirect","redirectConfig":{"path":"#{path}","statusCode":"HTTP_301"}}`, wrong: `has the path "#{path}"`},
		{name: "redirect_to_an_empty_host", value: `{"type":"redirect","redirectConfig":{"host":"","statusCode":"HTTP_301"}}`, wrong: `has the host ""`},
		{name: "fixed_without_config", value: `{"type":"fixed-response"}`, wrong: "has no fixedResponseConfig"},
		{name: "fixed_with_a_redirect_code", value: `{"type":"fixed-response","fixedResponseConfig":{"statusCode":"301"}}`, wrong: `has the statusCode "301"`},
		{name: "fixed_of_an_unknown_type", value: `{"type":"fixed-response","fixedResponseConfig":{"statusCode":"200","contentType":"text/markdown"}}`, wrong: `has the contentType "text/markdown"`},
		{
			name: "too_long_body", value: `{"type":"fixed-response","fixedResponseConfig":{"statusCode":"200","messageBody":"` + strings.Repeat("x", 1025) + `"}}`,
			wrong: "has a messageBody of 1025 characters",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := on("actions.x", tc.value).Action("x")
			expectWrong(t, err, tc.wrong)
			if diff := cmp.Diff(tc.want, got); diff != "" && tc.wrong == "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// expectWrong: the finding says this of the value, or there is none.
func expectWrong(t *testing.T, err error, wrong string) {
	t.Helper()
	switch {
	case wrong == "" && err != nil:
		t.Errorf("want no finding, got %v", err)
	case wrong != "" && (err == nil || !strings.Contains(err.Error(), `" `+wrong+"; ")):
		t.Errorf("want the finding %q, got %v", wrong, err)
	}
}

func TestAbsentActionIsNil(t *testing.T) {
	t.Parallel()
	if got, err := annotations.New(nil, nil).Action("x"); got != nil || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}
