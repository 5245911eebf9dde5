package ingress

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/model"
)

// TestOptimise: which of two rules stay. The listener is HTTPS on port 443.
func TestOptimise(t *testing.T) {
	t.Parallel()
	hosts := func(values ...string) model.Condition {
		return model.Condition{Field: model.HostHeader, Values: values}
	}
	paths := func(values ...string) model.Condition {
		return model.Condition{Field: model.PathPattern, Values: values}
	}
	header := model.Condition{Field: model.HTTPHeader, Header: "X-Beta", Values: []string{"1"}}
	hostRegex := model.Condition{Field: model.HostHeader, Regex: []string{"^a"}}
	pathRegex := model.Condition{Field: model.PathPattern, Regex: []string{"^/a"}}
	rule := func(action model.Action, conditions ...model.Condition) model.Rule {
		return model.Rule{Action: action, Conditions: conditions}
	}
	to := func(redirect model.Redirect) model.Action { return model.Action{Redirect: &redirect} }
	away := to(model.Redirect{Host: "elsewhere.example.com"})
	forward := model.Action{Forward: []model.WeightedTarget{{TargetGroup: "target-group/x"}}}
	answer := model.Action{FixedResponse: &model.FixedResponse{StatusCode: "404"}}
	all := paths("/*")
	for _, tc := range []struct {
		name  string
		rules []model.Rule
		want  []int // which stay
	}{
		// Redirects to themselves.
		{"nothing_said", []model.Rule{rule(to(model.Redirect{}), all)}, nil},
		{"all_placeholders", []model.Rule{rule(to(model.Redirect{Protocol: "#{protocol}", Host: "#{host}", Port: "#{port}", Path: "/#{path}", Query: "#{query}"}), all)}, nil},
		{"protocol_and_port_of_the_listener", []model.Rule{rule(to(model.Redirect{Protocol: "HTTPS", Port: "443"}), all)}, nil},
		{"another_protocol", []model.Rule{rule(to(model.Redirect{Protocol: "HTTP"}), all)}, []int{0}},
		{"another_port", []model.Rule{rule(to(model.Redirect{Port: "8443"}), all)}, []int{0}},
		{"host_of_the_rule", []model.Rule{rule(to(model.Redirect{Host: "a"}), hosts("b", "a"), all)}, nil},
		{"another_host", []model.Rule{rule(to(model.Redirect{Host: "a"}), hosts("b"), all)}, []int{0}},
		{"a_host_and_a_rule_without", []model.Rule{rule(to(model.Redirect{Host: "a"}), all)}, []int{0}},
		{"a_host_and_hosts_by_expression", []model.Rule{rule(to(model.Redirect{Host: "a"}), hostRegex, all)}, []int{0}},
		{"host_stays_and_hosts_by_expression", []model.Rule{rule(to(model.Redirect{}), hostRegex, all)}, nil},
		{"path_of_the_rule", []model.Rule{rule(to(model.Redirect{Path: "/a"}), paths("/a", "/a/*"))}, nil},
		{"path_that_a_wildcard_fits", []model.Rule{rule(to(model.Redirect{Path: "/a/b"}), paths("/a", "/a/*"))}, []int{0}},
		{"path_stays_and_paths_by_expression", []model.Rule{rule(to(model.Redirect{}), pathRegex)}, []int{0}},
		{"another_query", []model.Rule{rule(to(model.Redirect{Query: "a=b"}), all)}, []int{0}},
		{"no_query_any_more", []model.Rule{rule(to(model.Redirect{DropQuery: true}), all)}, []int{0}},
		{"with_a_header", []model.Rule{rule(to(model.Redirect{}), header, all)}, nil},
		{"no_redirect", []model.Rule{rule(forward, all)}, []int{0}},
		{"one_that_is_left_out_shadows_nothing", []model.Rule{rule(to(model.Redirect{}), all), rule(forward, paths("/a"))}, []int{1}},

		// What a redirect takes over.
		{"same_conditions", []model.Rule{rule(away, hosts("a"), paths("/a")), rule(forward, hosts("a"), paths("/a"))}, []int{0}},
		{"fewer_hosts_and_paths", []model.Rule{rule(away, hosts("a", "b"), paths("/a", "/b")), rule(forward, hosts("b"), paths("/b"))}, []int{0}},
		{"one_host_more", []model.Rule{rule(away, hosts("a"), paths("/a")), rule(forward, hosts("a", "b"), paths("/a"))}, []int{0, 1}},
		{"one_path_more", []model.Rule{rule(away, hosts("a"), paths("/a")), rule(forward, hosts("a"), paths("/a", "/b"))}, []int{0, 1}},
		{"all_hosts", []model.Rule{rule(away, paths("/a")), rule(forward, hosts("a"), paths("/a"))}, []int{0}},
		{"all_hosts_later", []model.Rule{rule(away, hosts("a"), all), rule(forward, paths("/a"))}, []int{0, 1}},
		{"all_paths_by_wildcard", []model.Rule{rule(away, hosts("a"), paths("/x", "/*")), rule(forward, hosts("a"), paths("/a"))}, []int{0}},
		{"all_paths_by_none", []model.Rule{rule(away, hosts("a")), rule(forward, hosts("a"))}, []int{0}},
		{"all_paths_later", []model.Rule{rule(away, hosts("a"), paths("/a")), rule(forward, hosts("a"))}, []int{0, 1}},
		{"a_wildcard_is_taken_as_written", []model.Rule{rule(away, paths("/a/*")), rule(forward, paths("/a/b"))}, []int{0, 1}},
		{"later_with_a_header", []model.Rule{rule(away, all), rule(forward, header, paths("/a"))}, []int{0}},
		{"first_with_a_header", []model.Rule{rule(away, header, all), rule(forward, header, all)}, []int{0, 1}},
		{"later_path_by_expression_under_all", []model.Rule{rule(away, all), rule(forward, pathRegex)}, []int{0}},
		{"later_path_by_expression_under_some", []model.Rule{rule(away, paths("/a")), rule(forward, pathRegex)}, []int{0, 1}},
		{"later_host_by_expression_under_some", []model.Rule{rule(away, hosts("a"), all), rule(forward, hostRegex, all)}, []int{0, 1}},
		{"first_path_by_expression", []model.Rule{rule(away, pathRegex), rule(forward, paths("/a"))}, []int{0, 1}},
		{"first_host_by_expression", []model.Rule{rule(away, hostRegex, all), rule(forward, hosts("a"), all)}, []int{0, 1}},
		{"later_is_a_redirect_too", []model.Rule{rule(away, all), rule(away, paths("/a"))}, []int{0}},
		{"an_answer_shadows_nothing", []model.Rule{rule(answer, all), rule(forward, all)}, []int{0, 1}},
		{"a_forward_shadows_nothing", []model.Rule{rule(forward, all), rule(answer, all)}, []int{0, 1}},
		{"a_redirect_does_not_look_back", []model.Rule{rule(forward, paths("/a")), rule(away, all)}, []int{0, 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var rules []tagged
			for i, rule := range tc.rules {
				rule.Priority = int32(i)
				rules = append(rules, tagged{Rule: rule})
			}
			var got []int
			for _, rule := range optimise(model.Listener{Port: 443, Protocol: https}, rules) {
				got = append(got, int(rule.Priority))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("which stay (-want +got):\n%s", diff)
			}
		})
	}
}
