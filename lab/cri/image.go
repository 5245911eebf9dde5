package cri

import (
	"context"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Images is the image service of a runtime: every image is there as soon as it is asked for.
type Images struct{ *Runtime }

// ListImages implements the image service.
func (i Images) ListImages(_ context.Context, filter *runtimeapi.ImageFilter) ([]*runtimeapi.Image, error) {
	wanted := filter.GetImage().GetImage()
	i.mu.Lock()
	defer i.mu.Unlock()
	var list []*runtimeapi.Image
	for name, image := range i.images {
		if wanted == "" || wanted == name {
			list = append(list, image)
		}
	}
	return list, nil
}

// ImageStatus implements the image service.
func (i Images) ImageStatus(_ context.Context, image *runtimeapi.ImageSpec, _ bool) (*runtimeapi.ImageStatusResponse, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return &runtimeapi.ImageStatusResponse{Image: i.images[image.Image]}, nil
}

// PullImage implements the image service.
func (i Images) PullImage(_ context.Context, image *runtimeapi.ImageSpec, _ *runtimeapi.AuthConfig, _ *runtimeapi.PodSandboxConfig) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.images[image.Image] = &runtimeapi.Image{Id: image.Image, RepoTags: []string{image.Image}, Size: 1, Spec: &runtimeapi.ImageSpec{Image: image.Image}}
	return image.Image, nil
}

// RemoveImage implements the image service.
func (i Images) RemoveImage(_ context.Context, image *runtimeapi.ImageSpec) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.images, image.Image)
	return nil
}

// ImageFsInfo implements the image service: nothing is used.
func (i Images) ImageFsInfo(context.Context) (*runtimeapi.ImageFsInfoResponse, error) {
	usage := []*runtimeapi.FilesystemUsage{{
		Timestamp: time.Now().UnixNano(), FsId: &runtimeapi.FilesystemIdentifier{Mountpoint: "/"},
		UsedBytes: &runtimeapi.UInt64Value{}, InodesUsed: &runtimeapi.UInt64Value{},
	}}
	return &runtimeapi.ImageFsInfoResponse{ImageFilesystems: usage, ContainerFilesystems: usage}, nil
}
