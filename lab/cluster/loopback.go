package cluster

import (
	"context"
	"fmt"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/operation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
	serverstorage "k8s.io/apiserver/pkg/server/storage"
	"k8s.io/client-go/kubernetes"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/discovery"
	"k8s.io/kubernetes/pkg/controlplane"
	controlplaneapiserver "k8s.io/kubernetes/pkg/controlplane/apiserver"
	endpointslicestorage "k8s.io/kubernetes/pkg/registry/discovery/endpointslice/storage"
)

// The API server refuses loopback addresses in EndpointSlices, and that is where the lab's Pods
// live. So discovery.k8s.io/v1 is switched off (--runtime-config) and served by loopbackSlices
// instead: the same storage and the same validation, less that one complaint. It comes in through
// a hook that Kubernetes has for its own tests.
func allowLoopbackSlices() {
	controlplane.AdditionalStorageProvidersForTests = func(*kubernetes.Clientset) []controlplaneapiserver.RESTStorageProvider {
		return []controlplaneapiserver.RESTStorageProvider{loopbackSlices{}}
	}
}

type loopbackSlices struct{}

func (loopbackSlices) GroupName() string { return discovery.GroupName }

func (loopbackSlices) NewRESTStorage(_ serverstorage.APIResourceConfigSource, options generic.RESTOptionsGetter) (genericapiserver.APIGroupInfo, error) {
	group := genericapiserver.NewDefaultAPIGroupInfo(discovery.GroupName, legacyscheme.Scheme, legacyscheme.ParameterCodec, legacyscheme.Codecs)
	slices, err := endpointslicestorage.NewREST(options)
	if err != nil {
		return group, err
	}
	create, creates := slices.Store.CreateStrategy.(rest.DeclarativeValidationStrategy)
	update, updates := slices.Store.UpdateStrategy.(rest.DeclarativeValidationStrategy)
	if !creates || !updates {
		return group, fmt.Errorf("the storage of EndpointSlices in %s validates in another way than the lab knows", Version)
	}
	slices.Store.CreateStrategy = createSlice{slices.Store.CreateStrategy, declared{create}}
	slices.Store.UpdateStrategy = updateSlice{slices.Store.UpdateStrategy, declared{update}}
	group.VersionedResourcesStorageMap[discoveryv1.SchemeGroupVersion.Version] = map[string]rest.Storage{"endpointslices": slices}
	return group, nil
}

type createSlice struct {
	rest.RESTCreateStrategy
	declared
}

func (s createSlice) Validate(ctx context.Context, slice runtime.Object) field.ErrorList {
	return withoutLoopback(s.RESTCreateStrategy.Validate(ctx, slice))
}

type updateSlice struct {
	rest.RESTUpdateStrategy
	declared
}

func (s updateSlice) ValidateUpdate(ctx context.Context, slice, old runtime.Object) field.ErrorList {
	return withoutLoopback(s.RESTUpdateStrategy.ValidateUpdate(ctx, slice, old))
}

// declared is the part of a strategy that runs the validation declared on the types.
type declared struct {
	strategy rest.DeclarativeValidationStrategy
}

func (d declared) DeclarativeValidationConfig(ctx context.Context, slice, old runtime.Object) rest.DeclarativeValidationConfig {
	return d.strategy.DeclarativeValidationConfig(ctx, slice, old)
}

func (d declared) ValidateDeclaratively(ctx context.Context, slice, old runtime.Object, found field.ErrorList, op operation.Type, config rest.DeclarativeValidationConfig) field.ErrorList {
	return withoutLoopback(d.strategy.ValidateDeclaratively(ctx, slice, old, found, op, config))
}

// withoutLoopback reads a message because the API server gives no code (validation.ValidateEndpointIP).
func withoutLoopback(found field.ErrorList) field.ErrorList {
	var kept field.ErrorList
	for _, problem := range found {
		if !strings.Contains(problem.Detail, "may not be in the loopback range") {
			kept = append(kept, problem)
		}
	}
	return kept
}
