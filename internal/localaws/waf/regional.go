package waf

import (
	"slices"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// classic is a web ACL of AWS WAF Classic.
type classic struct {
	number  int
	ID      string        `json:"WebACLId"`
	Name    string        `json:"Name"`
	Metric  string        `json:"MetricName"`
	Default classicAction `json:"DefaultAction"`
	Rules   []struct{}    `json:"Rules"`
	ARN     string        `json:"WebACLArn"`
}

type classicAction struct {
	Type string `json:"Type" required:"true" enum:"BLOCK,ALLOW,COUNT"`
}

// Regional is the operations of waf-regional.
func (s *Service) Regional() wire.Service {
	return wire.Service{Dialect: wire.JSON("AWSWAF_Regional_20161128", "WAFInvalidParameterException"), Operations: map[string]wire.Operation{
		"GetChangeToken":       locked(s, s.changeToken),
		"CreateWebACL":         locked(s, s.createClassic),
		"GetWebACL":            locked(s, s.getClassic),
		"ListWebACLs":          locked(s, s.listClassics),
		"AssociateWebACL":      locked(s, s.associateClassic),
		"DisassociateWebACL":   locked(s, s.disassociateClassic),
		"GetWebACLForResource": locked(s, s.classicFor),
	}}
}

type tokenOutput struct {
	Token string `json:"ChangeToken"`
}

func (s *Service) changeToken(wire.Empty) (tokenOutput, error) {
	token := s.id()
	s.tokens[token] = true
	return tokenOutput{token}, nil
}

type createClassicInput struct {
	Name    string        `required:"true" range:"1,128"`
	Metric  string        `form:"MetricName" required:"true" range:"1,128"`
	Default classicAction `form:"DefaultAction" required:"true"`
	Token   string        `form:"ChangeToken" required:"true" range:"1,128"`
	Tags    []tag
}

type createClassicOutput struct {
	ACL   *classic `json:"WebACL"`
	Token string   `json:"ChangeToken"`
}

func (s *Service) createClassic(in createClassicInput) (createClassicOutput, error) {
	if !s.tokens[in.Token] {
		return createClassicOutput{}, wire.Errorf("WAFStaleDataException", "The input token is no longer current.")
	}
	delete(s.tokens, in.Token)
	s.last++
	c := &classic{number: s.last, ID: s.id(), Name: in.Name, Metric: in.Metric, Default: in.Default, Rules: []struct{}{}}
	c.ARN = "arn:aws:waf-regional:" + s.Region + ":" + s.Account + ":webacl/" + c.ID
	s.classics = append(s.classics, c)
	return createClassicOutput{ACL: c, Token: in.Token}, nil
}

type classicInput struct {
	ID string `form:"WebACLId" required:"true" range:"1,128"`
}

func (s *Service) classic(id string) (*classic, error) {
	if i := slices.IndexFunc(s.classics, func(c *classic) bool { return c.ID == id }); i >= 0 {
		return s.classics[i], nil
	}
	return nil, wire.Errorf("WAFNonexistentItemException", "The referenced item does not exist.")
}

type getClassicOutput struct {
	ACL *classic `json:"WebACL"`
}

func (s *Service) getClassic(in classicInput) (getClassicOutput, error) {
	c, err := s.classic(in.ID)
	return getClassicOutput{c}, err
}

type listClassicsInput struct {
	Next  string `form:"NextMarker"`
	Limit *int   `range:"0,100"`
}

type classicSummary struct {
	ID   string `json:"WebACLId"`
	Name string `json:"Name"`
}

type listClassicsOutput struct {
	Next string           `json:"NextMarker,omitempty"`
	ACLs []classicSummary `json:"WebACLs"`
}

func (s *Service) listClassics(in listClassicsInput) (listClassicsOutput, error) {
	size := 100
	if in.Limit != nil && *in.Limit > 0 {
		size = *in.Limit
	}
	page, next, err := wire.Page(s.classics, in.Next, size, func(c *classic) int { return c.number })
	if err != nil {
		return listClassicsOutput{}, wire.Errorf("WAFInvalidParameterException", "The marker is not valid.")
	}
	out := listClassicsOutput{Next: next, ACLs: []classicSummary{}}
	for _, c := range page {
		out.ACLs = append(out.ACLs, classicSummary{c.ID, c.Name})
	}
	return out, nil
}

type associateClassicInput struct {
	ID       string `form:"WebACLId" required:"true" range:"1,128"`
	Resource string `form:"ResourceArn" required:"true" range:"1,1224"`
}

func (s *Service) associateClassic(in associateClassicInput) (wire.Empty, error) {
	c, err := s.classic(in.ID)
	if err != nil {
		return wire.Empty{}, err
	}
	if err := s.checkResource(in.Resource); err != nil {
		return wire.Empty{}, err
	}
	s.guarded[in.Resource] = c
	return wire.Empty{}, nil
}

type classicResourceInput struct {
	Resource string `form:"ResourceArn" required:"true" range:"1,1224"`
}

func (s *Service) disassociateClassic(in classicResourceInput) (wire.Empty, error) {
	if err := s.checkResource(in.Resource); err != nil {
		return wire.Empty{}, err
	}
	delete(s.guarded, in.Resource)
	return wire.Empty{}, nil
}

type classicForOutput struct {
	Summary *classicSummary `json:"WebACLSummary,omitempty"`
}

func (s *Service) classicFor(in classicResourceInput) (classicForOutput, error) {
	if err := s.checkResource(in.Resource); err != nil {
		return classicForOutput{}, err
	}
	if c := s.guarded[in.Resource]; c != nil {
		return classicForOutput{&classicSummary{c.ID, c.Name}}, nil
	}
	return classicForOutput{}, nil
}
