package model_test

import (
	"net/netip"
	"testing"

	"github.com/sluice-lb/sluice/internal/model"
)

func TestTargetIDsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]model.TargetID{
		"10.0.0.1:80":    {IP: netip.MustParseAddr("10.0.0.1"), Port: 80},
		"2001:db8::1:80": {IP: netip.MustParseAddr("2001:db8::1"), Port: 80},
		"i-0abc:30080":   {Instance: "i-0abc", Port: 30080},
	} {
		got, err := model.ParseTargetID(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: got %v (%v), want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "10.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "web:80", "i-0abc"} {
		if got, err := model.ParseTargetID(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}
