package ec2

import (
	"maps"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/glob"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// Filter is one filter of a Describe call: any of its values must match. Values may hold wildcards.
type Filter struct {
	Name   string
	Values []string `form:"Value"`
}

// Query is what all Describe calls have in common.
type Query struct {
	Filters    []Filter `form:"Filter"`
	NextToken  string
	MaxResults *int `range:"5,1000"`
	DryRun     bool
}

// properties are the filters that a kind of resource knows: name to the values that a resource has for it.
type properties[T any] map[string]func(T) []string

// one makes a property of a single value.
func one[T any](get func(T) string) func(T) []string {
	return func(item T) []string { return []string{get(item)} }
}

// kind describes a kind of resource to all that lists it.
type kind[T any] struct {
	number     func(T) int
	id         func(T) string
	properties properties[T]
}

// list picks the resources of a Describe call: by ids, which must all exist, then by filters, then by page.
func list[T any](n *Network, k kind[T], items []T, ids []string, notFound func(id string) error, q Query) ([]T, string, error) {
	if q.DryRun {
		return nil, "", errDryRun
	}
	if err := k.checkNames(q.Filters); err != nil {
		return nil, "", err
	}
	for _, id := range ids {
		if !slices.ContainsFunc(items, func(item T) bool { return k.id(item) == id }) {
			return nil, "", notFound(id)
		}
	}
	var found []T
	for _, item := range items {
		named := len(ids) == 0 || slices.Contains(ids, k.id(item))
		if named && k.matches(item, n.tags[k.id(item)], q.Filters) {
			found = append(found, item)
		}
	}
	size := len(items)
	if q.MaxResults != nil {
		size = *q.MaxResults
	}
	page, next, err := wire.Page(found, q.NextToken, size, k.number)
	if err != nil {
		return nil, "", wire.Errorf("InvalidNextToken", "The token '%s' is invalid", q.NextToken)
	}
	return page, next, nil
}

var errDryRun = &wire.Error{
	Status: 412, Code: "DryRunOperation", Message: "Request would have succeeded, but DryRun flag is set.",
}

func (k kind[T]) checkNames(filters []Filter) error {
	for _, f := range filters {
		_, known := k.properties[f.Name]
		if !known && f.Name != "tag-key" && !strings.HasPrefix(f.Name, "tag:") {
			return wire.Errorf("InvalidParameterValue", "The filter '%s' is invalid", f.Name)
		}
	}
	return nil
}

// matches reports whether a resource meets all filters. Filters on tags are the same for all kinds.
func (k kind[T]) matches(item T, tags map[string]string, filters []Filter) bool {
	for _, f := range filters {
		var have []string
		if key, ok := strings.CutPrefix(f.Name, "tag:"); ok {
			if value, tagged := tags[key]; tagged {
				have = []string{value}
			}
		} else if f.Name == "tag-key" {
			have = slices.Collect(maps.Keys(tags))
		} else {
			have = k.properties[f.Name](item)
		}
		if !anyMatch(f.Values, have) {
			return false
		}
	}
	return true
}

func anyMatch(patterns, values []string) bool {
	return slices.ContainsFunc(values, func(value string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return glob.MatchEscaped(p, value) })
	})
}
