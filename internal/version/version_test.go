package version

import "testing"

func TestStringIsNeverEmpty(t *testing.T) {
	if String() == "" {
		t.Error("want a version, got none")
	}
	linked = "v1.2.3"
	t.Cleanup(func() { linked = "" })
	if got := String(); got != "v1.2.3" {
		t.Errorf("want what the linker set, got %s", got)
	}
}
