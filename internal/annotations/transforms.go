package annotations

import (
	"fmt"
	"unicode/utf8"
)

// Transform is one entry of transforms.<name>.
type Transform struct {
	Type     string // "url-rewrite" or "host-header-rewrite"
	Rewrites []Rewrite
}

// Rewrite replaces what fits an expression.
type Rewrite struct {
	Regex, Replace string
}

// Types of transforms.
const (
	urlRewrite  = "url-rewrite"
	hostRewrite = "host-header-rewrite"
)

// Limits of transforms (ALB guide, "Transforms for listener rules").
const (
	mostTransforms = 2
	longestRewrite = 1024
)

const transformExample = `a list such as [{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"regex":"^/api/(.*)","replace":"/$1"}]}}]`

type writtenTransform struct {
	Type                    string           `json:"type"`
	URLRewriteConfig        *writtenRewrites `json:"urlRewriteConfig"`
	HostHeaderRewriteConfig *writtenRewrites `json:"hostHeaderRewriteConfig"`
}

type writtenRewrites struct {
	Rewrites []struct {
		Regex   string `json:"regex"`
		Replace string `json:"replace"`
	} `json:"rewrites"`
}

func parseTransforms(text string) ([]Transform, *complaint) {
	var written []writtenTransform
	if wrong := readJSON(text, &written, transformExample); wrong != nil {
		return nil, wrong
	}
	var out []Transform
	for i, entry := range written {
		transform, wrong := entry.transform()
		if wrong != nil {
			return nil, wrong.in(fmt.Sprintf("[%d]", i))
		}
		out = append(out, transform)
	}
	if len(out) > mostTransforms {
		return nil, &complaint{what: fmt.Sprintf("has %d transforms", len(out)), remedy: fmt.Sprintf("AWS takes %d a rule: one of the host, one of the URL", mostTransforms)}
	}
	return out, nil
}

func (w writtenTransform) transform() (Transform, *complaint) {
	config, name := w.URLRewriteConfig, "urlRewriteConfig"
	switch w.Type {
	case urlRewrite:
	case hostRewrite:
		config, name = w.HostHeaderRewriteConfig, "hostHeaderRewriteConfig"
	default:
		return Transform{}, &complaint{what: fmt.Sprintf("has the type %q, which is none", w.Type), remedy: "write " + quotedList([]string{urlRewrite, hostRewrite}) + " as its type"}
	}
	if config == nil || len(config.Rewrites) == 0 {
		return Transform{}, lacking(name + " with rewrites")
	}
	out := Transform{Type: w.Type}
	for _, rewrite := range config.Rewrites {
		if rewrite.Regex == "" || max(utf8.RuneCountInString(rewrite.Regex), utf8.RuneCountInString(rewrite.Replace)) > longestRewrite {
			return Transform{}, &complaint{what: fmt.Sprintf("has the regex %q", rewrite.Regex), remedy: fmt.Sprintf("write 1 to %d characters, and no more in replace", longestRewrite)}
		}
		out.Rewrites = append(out.Rewrites, Rewrite(rewrite))
	}
	return out, nil
}
