package simulation

import (
	"net/http"
	"net/url"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// plant is a bug that a test puts between the controller and the world. The zero value is none.
type plant struct {
	world *world
	// sees changes what the informers show.
	sees func(*world, client.Object) client.Object
	// writes changes what is written to the API server.
	writes func(*world, client.Object, client.Patch) client.Patch
	// calls carries a call to AWS, or does not.
	calls func(w *world, operation string, form url.Values, send func() *http.Response) *http.Response
}

func (p plant) show(o client.Object) client.Object {
	if p.sees == nil {
		return o
	}
	return p.sees(p.world, o)
}

func (p plant) corrupt(o client.Object, patch client.Patch) client.Patch {
	if p.writes == nil {
		return patch
	}
	return p.writes(p.world, o, patch)
}

func (p plant) call(operation string, form url.Values, send func() *http.Response) *http.Response {
	if p.calls == nil {
		return send()
	}
	return p.calls(p.world, operation, form, send)
}
