// Package version knows which build of Sluice is running.
//
// The Makefile sets the version from `git describe` when it links. A binary that was
// built without it (`go run`, `go install`) says what the Go tool recorded, and a test
// binary says "unknown".
//
//	fmt.Println("sluice", version.String())
package version

import (
	"cmp"
	"runtime/debug"
)

// linked is set by the linker: -X github.com/sluice-lb/sluice/internal/version.linked=v0.1.0.
var linked string

// String is the version in one word, such as "v0.1.0-12-g3f2c1d0".
func String() string {
	return cmp.Or(linked, recorded(), "unknown")
}

func recorded() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "(devel)" {
		return ""
	}
	return info.Main.Version
}
