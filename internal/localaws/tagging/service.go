// Package tagging is the Resource Groups Tagging API: one list of all resources that have, or had, tags. It keeps nothing
// itself but asks the services.
//
//	api := tagging.API(elb.Tagged, network.Tagged, certificates.Tagged)
package tagging

import (
	"cmp"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// Source calls f with every resource of a service and its tags.
type Source func(f func(arn string, tags map[string]string))

// API is the operations of the service.
func API(sources ...Source) wire.Service {
	return wire.Service{Dialect: wire.JSON("ResourceGroupsTaggingAPI_20170126", "InvalidParameterException"), Operations: map[string]wire.Operation{
		"GetResources": wire.Op(func(in getInput) (getOutput, error) { return getResources(in, sources) }),
	}}
}

type getInput struct {
	Token      string   `form:"PaginationToken" range:"0,2048"`
	Filters    []filter `form:"TagFilters" range:"0,50"`
	PerPage    *int     `form:"ResourcesPerPage" range:"1,100"`
	TagsAPage  *int     `form:"TagsPerPage" range:"100,500"`
	Types      []string `form:"ResourceTypeFilters" range:"0,100"`
	Compliance bool     `form:"IncludeComplianceDetails"`
	Exclude    bool     `form:"ExcludeCompliantResources"`
	ARNs       []string `form:"ResourceARNList" range:"1,100"`
}

type filter struct {
	Key    string   `required:"true" range:"1,128"`
	Values []string `range:"0,20"`
}

type getOutput struct {
	Token string    `json:"PaginationToken"`
	List  []mapping `json:"ResourceTagMappingList"`
}

type mapping struct {
	ARN  string `json:"ResourceARN"`
	Tags []tag  `json:"Tags"`
}

type tag struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

// getResources lists resources in the order of their ARNs; the token is the last ARN of the page before.
func getResources(in getInput, sources []Source) (getOutput, error) {
	if err := in.check(); err != nil {
		return getOutput{}, err
	}
	after, err := base64.RawURLEncoding.DecodeString(in.Token)
	if err != nil {
		return getOutput{}, wire.Errorf("PaginationTokenExpiredException", "The pagination token is not valid")
	}
	size := 50
	if in.PerPage != nil {
		size = *in.PerPage
	}
	var found []mapping
	for _, source := range sources {
		source(func(arn string, tags map[string]string) {
			if arn > string(after) && in.takes(arn, tags) {
				found = append(found, show(arn, tags))
			}
		})
	}
	slices.SortFunc(found, func(a, b mapping) int { return cmp.Compare(a.ARN, b.ARN) })
	out := getOutput{List: found}
	if len(found) > size {
		out.List = found[:size]
		out.Token = base64.RawURLEncoding.EncodeToString([]byte(out.List[size-1].ARN))
	}
	if out.List == nil {
		out.List = []mapping{}
	}
	return out, nil
}

// check: a list of ARNs excludes all filters and pages (API reference, GetResources).
func (in getInput) check() error {
	switch {
	case in.ARNs != nil && (len(in.Filters) > 0 || len(in.Types) > 0 || in.PerPage != nil || in.Token != ""):
		return wire.Errorf("InvalidParameterException", "ResourceARNList cannot be combined with TagFilters, ResourceTypeFilters, ResourcesPerPage or PaginationToken")
	case in.Exclude && !in.Compliance:
		return wire.Errorf("InvalidParameterException", "ExcludeCompliantResources needs IncludeComplianceDetails")
	}
	for _, kind := range in.Types {
		if kind == "" || strings.Count(kind, ":") > 1 {
			return wire.Errorf("InvalidParameterException", "The resource type '%s' is not service or service:type", kind)
		}
	}
	return nil
}

// takes: every filter must hold, and of a filter's values one; of types and ARNs one. What never had a tag is not listed.
func (in getInput) takes(arn string, tags map[string]string) bool {
	if len(tags) == 0 && !slices.Contains(in.ARNs, arn) {
		return false
	}
	for _, f := range in.Filters {
		value, has := tags[f.Key]
		if !has || len(f.Values) > 0 && !slices.Contains(f.Values, value) {
			return false
		}
	}
	return (len(in.Types) == 0 || slices.ContainsFunc(in.Types, func(kind string) bool { return isOfType(arn, kind) })) &&
		(len(in.ARNs) == 0 || slices.Contains(in.ARNs, arn))
}

// isOfType matches arn:aws:SERVICE:region:account:TYPE/… with SERVICE or SERVICE:TYPE; a TYPE may have parts, as
// loadbalancer/app.
func isOfType(arn, kind string) bool {
	parts := strings.SplitN(arn, ":", 6)
	service, resource, hasType := strings.Cut(kind, ":")
	if len(parts) != 6 || parts[2] != service {
		return false
	}
	return !hasType || strings.HasPrefix(parts[5], resource+"/")
}

func show(arn string, tags map[string]string) mapping {
	m := mapping{ARN: arn, Tags: []tag{}}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		m.Tags = append(m.Tags, tag{key, tags[key]})
	}
	return m
}
