package cluster

import (
	"fmt"
	_ "unsafe" // for go:linkname

	"k8s.io/component-base/version"
)

// Version is the Kubernetes version of the lab.
const Version = "v1.37.2"

// A plain `go build` leaves "v0.0.0-master+$Format:%H$", which kubectl and others cannot parse, and
// SetDynamicVersion takes nothing that differs from it. These are the variables that a release
// build sets with -ldflags -X; linking to them spares every builder of the lab that flag.

//go:linkname gitVersion k8s.io/component-base/version.gitVersion
var gitVersion string

//go:linkname gitMajor k8s.io/component-base/version.gitMajor
var gitMajor string

//go:linkname gitMinor k8s.io/component-base/version.gitMinor
var gitMinor string

func init() {
	gitVersion, gitMajor, gitMinor = Version, "1", "37"
	if err := version.SetDynamicVersion(gitVersion); err != nil {
		panic(fmt.Sprintf("a version that was just set is refused: %v", err))
	}
}
