package node

import (
	"context"
	"time"

	cadvisorapi "github.com/google/cadvisor/lib/model"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/kubelet/cm"
)

const (
	gib = 1 << 30
	tib = 1 << 40
)

// machine answers what the kubelet asks of cAdvisor: a roomy made-up machine, so that neither
// scheduling nor eviction ever depends on the one underneath.
type machine struct{ name string }

func (machine) Start() error { return nil }

func (machine) ContainerInfoV2(string, cadvisorapi.RequestOptions) (map[string]cadvisorapi.ContainerInfo, error) {
	return map[string]cadvisorapi.ContainerInfo{}, nil
}

func (machine) GetRequestedContainersInfo(string, cadvisorapi.RequestOptions) (map[string]*cadvisorapi.ContainerInfo, error) {
	return map[string]*cadvisorapi.ContainerInfo{}, nil
}

func (m machine) MachineInfo(klog.Logger) (*cadvisorapi.MachineInfo, error) {
	return &cadvisorapi.MachineInfo{NumCores: 64, MemoryCapacity: 256 * gib, MachineID: m.name, SystemUUID: m.name, BootID: "lab"}, nil
}

func (machine) VersionInfo() (*cadvisorapi.VersionInfo, error) {
	return &cadvisorapi.VersionInfo{KernelVersion: "6.0.0-lab", ContainerOsVersion: "sluice-lab"}, nil
}

func (machine) ImagesFsInfo(context.Context) (cadvisorapi.FsInfo, error)    { return disk(), nil }
func (machine) RootFsInfo() (cadvisorapi.FsInfo, error)                     { return disk(), nil }
func (machine) ContainerFsInfo(context.Context) (cadvisorapi.FsInfo, error) { return disk(), nil }
func (machine) GetDirFsInfo(string) (cadvisorapi.FsInfo, error)             { return disk(), nil }

func disk() cadvisorapi.FsInfo {
	return cadvisorapi.FsInfo{
		Timestamp: time.Now(), Device: "lab", Mountpoint: "/", Capacity: tib, Available: tib / 2, Usage: tib / 2,
		Inodes: new(uint64(1 << 30)), InodesFree: new(uint64(1 << 29)),
	}
}

// containers is the stub container manager, without cgroups, and with some ephemeral storage:
// Pods that ask for it could not be scheduled otherwise.
type containers struct{ cm.ContainerManager }

func (containers) GetCapacity(klog.Logger, bool) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceEphemeralStorage: *resource.NewQuantity(tib, resource.BinarySI)}
}

func (c containers) NewPodContainerManager() cm.PodContainerManager {
	return podContainers{c.ContainerManager.NewPodContainerManager()}
}

// podContainers knows no cgroup values. The stub would say so by an error, which the kubelet logs
// twice each time it looks at a Pod.
type podContainers struct{ cm.PodContainerManager }

func (podContainers) GetPodCgroupConfig(*corev1.Pod, corev1.ResourceName) (*cm.ResourceConfig, error) {
	return nil, nil
}
