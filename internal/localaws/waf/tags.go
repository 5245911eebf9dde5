package waf

import "slices"

type tagsInput struct {
	ARN   string `form:"ResourceARN" required:"true" range:"20,2048"`
	Next  string `form:"NextMarker"`
	Limit *int   `range:"1,100"`
}

type tagsOutput struct {
	Info tagInfo `json:"TagInfoForResource"`
}

type tagInfo struct {
	ARN  string `json:"ResourceARN"`
	Tags []tag  `json:"TagList"`
}

// tagsOf are the tags that a web ACL was made with. They fit on one page: a resource has at most fifty.
func (s *Service) tagsOf(in tagsInput) (tagsOutput, error) {
	a, err := s.find(in.ARN)
	if err != nil {
		return tagsOutput{}, err
	}
	return tagsOutput{tagInfo{ARN: in.ARN, Tags: slices.Concat([]tag{}, a.tags)}}, nil
}
