package waf

import (
	"fmt"
	"slices"
	"sort"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// acl is a web ACL of AWS WAF (v2).
type acl struct {
	number int
	scope  string
	shown  shownACL
	lock   string
	tags   []tag
}

type shownACL struct {
	Name         string         `json:"Name"`
	ID           string         `json:"Id"`
	ARN          string         `json:"ARN"`
	Default      map[string]any `json:"DefaultAction"`
	Description  string         `json:"Description,omitempty"`
	Rules        []struct{}     `json:"Rules"`
	Visibility   visibility     `json:"VisibilityConfig"`
	Capacity     int            `json:"Capacity"`
	ManagedByFMS bool           `json:"ManagedByFirewallManager"`
	Namespace    string         `json:"LabelNamespace"`
}

type visibility struct {
	Sampled bool   `form:"SampledRequestsEnabled" json:"SampledRequestsEnabled"`
	Metrics bool   `form:"CloudWatchMetricsEnabled" json:"CloudWatchMetricsEnabled"`
	Name    string `form:"MetricName" json:"MetricName" required:"true" range:"1,255"`
}

// V2 is the operations of wafv2.
func (s *Service) V2() wire.Service {
	return wire.Service{Dialect: wire.JSON("AWSWAF_20190729", "WAFInvalidParameterException"), Operations: map[string]wire.Operation{
		"CreateWebACL":           locked(s, s.createACL),
		"GetWebACL":              locked(s, s.getACL),
		"DeleteWebACL":           locked(s, s.deleteACL),
		"ListWebACLs":            locked(s, s.listACLs),
		"AssociateWebACL":        locked(s, s.associate),
		"DisassociateWebACL":     locked(s, s.disassociate),
		"GetWebACLForResource":   locked(s, s.aclFor),
		"ListResourcesForWebACL": locked(s, s.resourcesFor),
		"ListTagsForResource":    locked(s, s.tagsOf),
	}}
}

type tag struct {
	Key   string `required:"true" range:"1,128" json:"Key"`
	Value string `required:"true" range:"0,256" json:"Value"`
}

type createACLInput struct {
	Name    string `required:"true" range:"1,128"`
	Scope   string `required:"true" enum:"CLOUDFRONT,REGIONAL"`
	Default struct {
		Allow *struct{}
		Block *struct{}
	} `form:"DefaultAction" required:"true"`
	Description string `range:"1,256"`
	Rules       []struct{}
	Visibility  visibility `form:"VisibilityConfig" required:"true"`
	Tags        []tag
}

type summaryOutput struct {
	Summary summary `json:"Summary"`
}

type summary struct {
	Name        string `json:"Name"`
	ID          string `json:"Id"`
	Description string `json:"Description,omitempty"`
	Lock        string `json:"LockToken"`
	ARN         string `json:"ARN"`
}

func (a *acl) summary() summary {
	return summary{Name: a.shown.Name, ID: a.shown.ID, Description: a.shown.Description, Lock: a.lock, ARN: a.shown.ARN}
}

func (s *Service) createACL(in createACLInput) (summaryOutput, error) {
	switch {
	case (in.Default.Allow == nil) == (in.Default.Block == nil):
		return summaryOutput{}, wire.Errorf("WAFInvalidParameterException", "Error reason: You have used none or multiple values for a field that requires exactly one value., field: DEFAULT_ACTION")
	case len(in.Rules) > 0:
		return summaryOutput{}, wire.Errorf("WAFInvalidOperationException", "The local AWS has web ACLs without rules only")
	case in.Scope == "CLOUDFRONT":
		return summaryOutput{}, wire.Errorf("WAFInvalidParameterException", "Error reason: The scope is not valid., field: SCOPE_VALUE, parameter: CLOUDFRONT")
	case slices.ContainsFunc(s.acls, func(a *acl) bool { return a.shown.Name == in.Name }):
		return summaryOutput{}, wire.Errorf("WAFDuplicateItemException", "AWS WAF couldn’t perform the operation because some resource in your request is a duplicate of an existing one.")
	}
	s.last++
	a := &acl{number: s.last, scope: in.Scope, lock: s.id(), tags: in.Tags, shown: shownACL{
		Name: in.Name, ID: s.id(), Default: map[string]any{"Allow": struct{}{}}, Description: in.Description, Rules: []struct{}{},
		Visibility: in.Visibility, Namespace: fmt.Sprintf("awswaf:%s:webacl:%s:", s.Account, in.Name),
	}}
	if in.Default.Block != nil {
		a.shown.Default = map[string]any{"Block": struct{}{}}
	}
	a.shown.ARN = fmt.Sprintf("arn:aws:wafv2:%s:%s:regional/webacl/%s/%s", s.Region, s.Account, in.Name, a.shown.ID)
	s.acls = append(s.acls, a)
	return summaryOutput{a.summary()}, nil
}

type getACLInput struct {
	Name  string `range:"1,128"`
	Scope string `enum:"CLOUDFRONT,REGIONAL"`
	ID    string `form:"Id" range:"1,36"`
	ARN   string `range:"20,2048"`
}

type getACLOutput struct {
	ACL  *shownACL `json:"WebACL,omitempty"`
	Lock string    `json:"LockToken,omitempty"`
}

func (s *Service) getACL(in getACLInput) (getACLOutput, error) {
	if in.ARN == "" && (in.Name == "" || in.ID == "" || in.Scope == "") {
		return getACLOutput{}, wire.Errorf("WAFInvalidParameterException", "Error reason: Name, Scope and Id, or ARN, must be given.")
	}
	for _, a := range s.acls {
		if a.shown.ARN == in.ARN || in.ARN == "" && a.shown.Name == in.Name && a.shown.ID == in.ID && a.scope == in.Scope {
			return getACLOutput{ACL: &a.shown, Lock: a.lock}, nil
		}
	}
	return getACLOutput{}, nonexistent(in.ARN + in.Name)
}

type deleteACLInput struct {
	Name  string `required:"true" range:"1,128"`
	Scope string `required:"true" enum:"CLOUDFRONT,REGIONAL"`
	ID    string `form:"Id" required:"true" range:"1,36"`
	Lock  string `form:"LockToken" required:"true" range:"1,36"`
}

func (s *Service) deleteACL(in deleteACLInput) (wire.Empty, error) {
	for i, a := range s.acls {
		if a.shown.Name != in.Name || a.shown.ID != in.ID || a.scope != in.Scope {
			continue
		}
		if len(s.protectedBy(a)) > 0 {
			return wire.Empty{}, wire.Errorf("WAFAssociatedItemException", "AWS WAF couldn’t perform the operation because your resource is being used by another resource or it’s associated with another resource.")
		}
		if a.lock != in.Lock {
			return wire.Empty{}, wire.Errorf("WAFOptimisticLockException", "AWS WAF couldn’t save your changes because someone changed the resource after you started to edit it.")
		}
		s.acls = slices.Delete(s.acls, i, i+1)
		return wire.Empty{}, nil
	}
	return wire.Empty{}, nonexistent(in.Name)
}

type listACLsInput struct {
	Scope string `required:"true" enum:"CLOUDFRONT,REGIONAL"`
	Next  string `form:"NextMarker"`
	Limit *int   `range:"1,100"`
}

type listACLsOutput struct {
	Next string    `json:"NextMarker,omitempty"`
	ACLs []summary `json:"WebACLs"`
}

func (s *Service) listACLs(in listACLsInput) (listACLsOutput, error) {
	size := 100
	if in.Limit != nil {
		size = *in.Limit
	}
	found := slices.DeleteFunc(slices.Clone(s.acls), func(a *acl) bool { return a.scope != in.Scope })
	page, next, err := wire.Page(found, in.Next, size, func(a *acl) int { return a.number })
	if err != nil {
		return listACLsOutput{}, wire.Errorf("WAFInvalidParameterException", "Error reason: The marker is not valid., field: NEXT_MARKER")
	}
	out := listACLsOutput{Next: next, ACLs: []summary{}}
	for _, a := range page {
		out.ACLs = append(out.ACLs, a.summary())
	}
	return out, nil
}

type associateInput struct {
	ACL      string `form:"WebACLArn" required:"true" range:"20,2048"`
	Resource string `form:"ResourceArn" required:"true" range:"20,2048"`
}

// associate replaces an association that the resource has.
func (s *Service) associate(in associateInput) (wire.Empty, error) {
	a, err := s.find(in.ACL)
	if err != nil {
		return wire.Empty{}, err
	}
	if err := s.checkResource(in.Resource); err != nil {
		return wire.Empty{}, err
	}
	s.protected[in.Resource] = a
	return wire.Empty{}, nil
}

func (s *Service) find(arn string) (*acl, error) {
	for _, a := range s.acls {
		if a.shown.ARN == arn {
			return a, nil
		}
	}
	return nil, nonexistent(arn)
}

type resourceInput struct {
	Resource string `form:"ResourceArn" required:"true" range:"20,2048"`
}

// disassociate succeeds also where there is no association.
func (s *Service) disassociate(in resourceInput) (wire.Empty, error) {
	if err := s.checkResource(in.Resource); err != nil {
		return wire.Empty{}, err
	}
	delete(s.protected, in.Resource)
	return wire.Empty{}, nil
}

// aclFor answers without an ACL where there is none.
func (s *Service) aclFor(in resourceInput) (getACLOutput, error) {
	if err := s.checkResource(in.Resource); err != nil {
		return getACLOutput{}, err
	}
	if a := s.protected[in.Resource]; a != nil {
		return getACLOutput{ACL: &a.shown}, nil
	}
	return getACLOutput{}, nil
}

type resourcesForInput struct {
	ACL  string `form:"WebACLArn" required:"true" range:"20,2048"`
	Type string `form:"ResourceType"`
}

type resourcesForOutput struct {
	ARNs []string `json:"ResourceArns"`
}

func (s *Service) resourcesFor(in resourcesForInput) (resourcesForOutput, error) {
	a, err := s.find(in.ACL)
	if err != nil {
		return resourcesForOutput{}, err
	}
	if in.Type != "" && in.Type != "APPLICATION_LOAD_BALANCER" {
		return resourcesForOutput{ARNs: []string{}}, nil
	}
	return resourcesForOutput{ARNs: s.protectedBy(a)}, nil
}

// protectedBy are the load balancers, of those that are still there, that an ACL protects.
func (s *Service) protectedBy(a *acl) []string {
	arns := []string{}
	for arn, by := range s.protected {
		if found, _ := s.Balancer(arn); found && by == a {
			arns = append(arns, arn)
		}
	}
	sort.Strings(arns)
	return arns
}
