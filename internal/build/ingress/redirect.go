package ingress

import (
	"fmt"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/model"
)

// What AWS writes for the parts of a redirect that stay as they are.
const (
	sameProtocol = "#{protocol}"
	sameHost     = "#{host}"
	samePort     = "#{port}"
	samePath     = "/#{path}"
	sameQuery    = "#{query}"
)

func (p *part) redirect(asked annotations.Redirect, field string) model.Action {
	for _, port := range p.ports {
		if asked.Protocol == "HTTP" && p.protocols[port] == https {
			p.complain(field, annotations.ReasonInvalid, fmt.Sprintf("port %d is HTTPS, from which AWS does not redirect to HTTP", port),
				`write the protocol "#{protocol}", or listen with HTTP only`)
			break
		}
	}
	return model.Action{Redirect: new(model.Redirect(asked))}
}

// checkLoop: AWS refuses a redirect that at most changes the query. One that changes
// nothing at all is left out of the rules (see optimise), where that can be.
func (p *part) checkLoop(action model.Action, leftOut bool, field string) {
	r := action.Redirect
	if r == nil || !same(r.Protocol, sameProtocol) || !same(r.Host, sameHost) || !same(r.Port, samePort) || !same(r.Path, samePath) {
		return
	}
	if !leftOut || !same(r.Query, sameQuery) {
		p.complain(field, annotations.ReasonInvalid, "the redirect leads to where it comes from, which AWS refuses", "let it change the protocol, host, port or path")
	}
}

// same reports whether a part of a redirect stays as it is.
func same(part, placeholder string) bool { return part == "" || part == placeholder }
