package glob_test

import (
	"strings"
	"testing"

	"github.com/sluice-lb/sluice/internal/localaws/glob"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, s     string
		plain, escaped bool
	}{
		{"", "", true, true},
		{"*", "", true, true},
		{"?", "", false, false},
		{"a*c", "abbc", true, true},
		{"a*c", "abcd", false, false},
		{"*.example.com", "www.example.com", true, true},
		{"*.example.com", "example.com", false, false},
		{"/v?/*", "/v1/", true, true},
		{"/v?/*", "/v12/", false, false},
		{"*a*b*", "xxaxxbxx", true, true},
		{"**", "x", true, true},
		{`a\*`, "a*", false, true},
		{`a\*`, `a\bc`, true, false},
		{`a\?c`, "abc", false, false},
		{`a\\`, `a\`, false, true},
		{strings.Repeat("*a", 40), strings.Repeat("a", 5000) + "b", false, false}, // and soon
	} {
		if got := glob.Match(tt.pattern, tt.s); got != tt.plain {
			t.Errorf("Match(%q, %q) = %v", tt.pattern, tt.s, got)
		}
		if got := glob.MatchEscaped(tt.pattern, tt.s); got != tt.escaped {
			t.Errorf("MatchEscaped(%q, %q) = %v", tt.pattern, tt.s, got)
		}
	}
}
