package elbv2

import (
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// transform changes a request on its way to the target ("Transforms for listener rules", ALB guide).
type transform struct {
	Type string         `required:"true" enum:"host-header-rewrite,url-rewrite"`
	Host *rewriteConfig `form:"HostHeaderRewriteConfig" xml:"HostHeaderRewriteConfig"`
	URL  *rewriteConfig `form:"UrlRewriteConfig" xml:"UrlRewriteConfig"`
}

type rewriteConfig struct {
	Rewrites []rewrite `xml:"Rewrites>member"`
}

type rewrite struct {
	Regex   string `required:"true" range:"1,1024"`
	Replace string `required:"true" range:"0,1024"`
}

// checkTransforms: at most one of each type, with one rewrite, for a rule of an application load balancer that forwards.
func checkTransforms(at place, transforms []transform) error {
	seen := map[string]bool{}
	for _, t := range transforms {
		config, other := t.Host, t.URL
		if t.Type == "url-rewrite" {
			config, other = t.URL, t.Host
		}
		switch {
		case at.balancer.settings.kind == network:
			return wire.Errorf("ValidationError", "Transforms are not supported by network load balancers")
		case seen[t.Type]:
			return wire.Errorf("ValidationError", "A rule can only have one transform of type '%s'", t.Type)
		case other != nil:
			return wire.Errorf("ValidationError", "A transform of type '%s' has the configuration of another type", t.Type)
		case config == nil || len(config.Rewrites) != 1:
			return wire.Errorf("ValidationError", "A transform of type '%s' needs exactly one rewrite", t.Type)
		}
		if _, err := compileRegex(config.Rewrites[0].Regex); err != nil {
			return wire.Errorf("ValidationError", "The regular expression '%s' of a transform is not valid", config.Rewrites[0].Regex)
		}
		seen[t.Type] = true
	}
	return nil
}

// rewriteOf is the rewrite of a type among checked transforms, or nil.
func rewriteOf(transforms []transform, kind string) *rewrite {
	for _, t := range transforms {
		if t.Type != kind {
			continue
		}
		if kind == "url-rewrite" {
			return &t.URL.Rewrites[0]
		}
		return &t.Host.Rewrites[0]
	}
	return nil
}
