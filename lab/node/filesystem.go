package node

import (
	"os"
	"path/filepath"
	"strings"

	kubecontainer "k8s.io/kubernetes/pkg/kubelet/container"
	"k8s.io/kubernetes/pkg/volume"
	"k8s.io/kubernetes/pkg/volume/configmap"
	"k8s.io/kubernetes/pkg/volume/csi"
	"k8s.io/kubernetes/pkg/volume/downwardapi"
	"k8s.io/kubernetes/pkg/volume/emptydir"
	"k8s.io/kubernetes/pkg/volume/hostpath"
	"k8s.io/kubernetes/pkg/volume/projected"
	"k8s.io/kubernetes/pkg/volume/secret"
	"k8s.io/kubernetes/pkg/volume/util/hostutil"
	"k8s.io/kubernetes/pkg/volume/util/subpath"
)

// files is the real file system, less /var/log, where the kubelet would leave links for log
// collectors of another age.
type files struct{ kubecontainer.RealOS }

func (f files) MkdirAll(path string, mode os.FileMode) error {
	if strings.HasPrefix(path, "/var/log/") {
		return nil
	}
	return f.RealOS.MkdirAll(path, mode)
}

func (f files) Symlink(from, to string) error {
	if strings.HasPrefix(to, "/var/log/") {
		return nil
	}
	return f.RealOS.Symlink(from, to)
}

// hostUtil is the real one less the mount system call. The fake one breaks subPath.
type hostUtil struct{ *hostutil.HostUtil }

func (hostUtil) MakeRShared(string) error { return nil }

// subpaths uses a subPath as the path it is; nothing is bind-mounted.
type subpaths struct{}

func (subpaths) CleanSubPaths(string, string) error { return nil }

func (subpaths) PrepareSafeSubpath(sub subpath.Subpath) (string, func(), error) {
	return sub.Path, nil, nil
}

func (subpaths) SafeMakeDir(sub, base string, mode os.FileMode) error {
	return os.MkdirAll(filepath.Join(base, sub), mode)
}

func volumePlugins() []volume.VolumePlugin {
	var plugins []volume.VolumePlugin
	for _, probe := range []func() []volume.VolumePlugin{
		emptydir.ProbeVolumePlugins, secret.ProbeVolumePlugins, configmap.ProbeVolumePlugins,
		downwardapi.ProbeVolumePlugins, projected.ProbeVolumePlugins, csi.ProbeVolumePlugins,
	} {
		plugins = append(plugins, probe()...)
	}
	return append(plugins, hostpath.FakeProbeVolumePlugins(volume.VolumeConfig{})...)
}
