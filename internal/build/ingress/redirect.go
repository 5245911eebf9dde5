package ingress

import (
	"fmt"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/model"
)

// What AWS writes for the parts of a redirect that stay as they are.
const (
	protocolPart = "#{protocol}"
	hostPart     = "#{host}"
	portPart     = "#{port}"
	pathPart     = "/#{path}"
	queryPart    = "#{query}"
)

func (p *part) redirect(asked annotations.Redirect, field string) model.Action {
	for _, port := range p.ports {
		if asked.Protocol == "HTTP" && p.protocols[port] == https {
			p.complain(field, annotations.ReasonInvalid, fmt.Sprintf("port %d is HTTPS, from which AWS does not redirect to HTTP", port),
				`write the protocol "#{protocol}", or listen with HTTP only`)
			break
		}
	}
	return model.Action{Redirect: &model.Redirect{
		Protocol: asked.Protocol, Host: asked.Host, Port: asked.Port, Path: asked.Path, Query: asked.Query, DropQuery: asked.DropQuery, StatusCode: asked.StatusCode,
	}}
}

// checkLoop: AWS refuses a redirect that at most changes the query. One that changes
// nothing at all is left out of the rules (see optimise), where that can be.
func (p *part) checkLoop(action model.Action, leftOut bool, field string) {
	r := action.Redirect
	if r == nil || !same(r.Protocol, protocolPart) || !same(r.Host, hostPart) || !same(r.Port, portPart) || !same(r.Path, pathPart) {
		return
	}
	if !leftOut || !sameQuery(r) {
		p.complain(field, annotations.ReasonInvalid, "the redirect leads to where it comes from, which AWS refuses", "let it change the protocol, host, port or path")
	}
}

func sameQuery(r *model.Redirect) bool { return !r.DropQuery && same(r.Query, queryPart) }

// same reports whether a part of a redirect stays as it is.
func same(part, placeholder string) bool { return part == "" || part == placeholder }
