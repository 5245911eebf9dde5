package elbv2

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

type rule struct {
	number     int
	arn        string
	listener   *listener
	isDefault  bool
	priority   int // 1–50,000; not for the default rule
	conditions []condition
	actions    []action // nil for the default rule, which has its listener's
	transforms []transform
}

// lastPriority is beyond every priority: the default rule comes last.
const lastPriority = 50001

// order sorts the rules of one listener.
func (r *rule) order() int {
	if r.isDefault {
		return lastPriority
	}
	return r.priority
}

// effective is what the rule does.
func (r *rule) effective() []action {
	if r.isDefault {
		return r.listener.actions
	}
	return r.actions
}

func (s *Service) ruleARN(l *listener) string {
	return strings.Replace(l.arn, ":listener/", ":listener-rule/", 1) + "/" + s.newID()
}

type createRuleInput struct {
	listenerInput
	Conditions []condition
	Priority   int      `required:"true" range:"1,50000"`
	Actions    []action `required:"true"`
	Tags       []tag
	Transforms []transform
}

type rulesOutput struct {
	Rules      []ruleOutput `xml:"Rules>member"`
	NextMarker string       `xml:",omitempty"`
}

type ruleOutput struct {
	ARN        string      `xml:"RuleArn"`
	Priority   string      `xml:"Priority"`
	Conditions []condition `xml:"Conditions>member"`
	Actions    []action    `xml:"Actions>member"`
	IsDefault  bool        `xml:"IsDefault"`
	Transforms []transform `xml:"Transforms>member,omitempty"`
}

func (r *rule) output() ruleOutput {
	out := ruleOutput{
		ARN: r.arn, Priority: strconv.Itoa(r.priority), Conditions: r.conditions, Actions: r.effective(), IsDefault: r.isDefault,
		Transforms: r.transforms,
	}
	if r.isDefault {
		out.Priority = "default"
	}
	return out
}

func (s *Service) createRule(in createRuleInput) (rulesOutput, error) {
	l, err := s.listener(in.ARN)
	if err != nil {
		return rulesOutput{}, err
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return rulesOutput{}, err
	}
	if err := l.balancer.checkRulesPossible(); err != nil {
		return rulesOutput{}, err
	}
	at := place{l.balancer, l.protocol}
	conditions, err := s.checkConditions(at, in.Conditions)
	if err != nil {
		return rulesOutput{}, err
	}
	actions, err := s.checkActions(at, in.Actions)
	if err != nil {
		return rulesOutput{}, err
	}
	if err := checkTransforms(at, in.Transforms); err != nil {
		return rulesOutput{}, err
	}
	if slices.ContainsFunc(l.rules, func(r *rule) bool { return r.order() == in.Priority }) {
		return rulesOutput{}, priorityInUse(in.Priority)
	}
	if l.balancer.countRules() >= s.Limits[quota.RulesPerLoadBalancer] {
		return rulesOutput{}, wire.Errorf("TooManyRules", "The maximum number of rules has been reached on load balancer '%s'", l.balancer.arn)
	}
	r := &rule{number: s.next(), arn: s.ruleARN(l), listener: l, priority: in.Priority, conditions: conditions, actions: actions, transforms: in.Transforms}
	l.rules = append(l.rules, r)
	l.sortRules()
	s.tags[r.arn] = tags
	s.changed(l.balancer)
	return rulesOutput{Rules: []ruleOutput{r.output()}}, nil
}

func priorityInUse(priority int) error {
	return wire.Errorf("PriorityInUse", "Priority '%d' is currently in use", priority)
}

// countRules counts what the quota counts: default rules are free.
func (b *loadBalancer) countRules() int {
	count := 0
	for _, l := range b.listeners {
		count += len(l.rules) - 1
	}
	return count
}

func (l *listener) sortRules() {
	slices.SortFunc(l.rules, func(a, b *rule) int { return a.order() - b.order() })
}

type describeRulesInput struct {
	ListenerARN string   `form:"ListenerArn"`
	ARNs        []string `form:"RuleArns"`
	paging
}

func (s *Service) describeRules(in describeRulesInput) (rulesOutput, error) {
	found, order, err := s.rulesOf(in)
	if err != nil {
		return rulesOutput{}, err
	}
	found, next, err := page(found, in.paging, order)
	out := rulesOutput{NextMarker: next}
	for _, r := range found {
		out.Rules = append(out.Rules, r.output())
	}
	return out, err
}

// rulesOf finds the rules of one listener, in the order of their priorities, or of ARNs, in the order of their making.
func (s *Service) rulesOf(in describeRulesInput) ([]*rule, func(*rule) int, error) {
	switch {
	case (in.ListenerARN == "") == (len(in.ARNs) == 0):
		return nil, nil, wire.Errorf("ValidationError", "You must specify either listener rule ARNs or a listener ARN")
	case in.ListenerARN != "":
		l, err := s.listener(in.ListenerARN)
		if err != nil {
			return nil, nil, err
		}
		return l.rules, (*rule).order, nil
	}
	if err := checkBatch("rules", len(in.ARNs)); err != nil {
		return nil, nil, err
	}
	found, err := pick(s.allRules(), in.ARNs, func(r *rule) string { return r.arn }, ruleARN.notFound)
	return found, func(r *rule) int { return r.number }, err
}

func (s *Service) allRules() []*rule {
	var all []*rule
	for _, l := range s.allListeners() {
		all = append(all, l.rules...)
	}
	slices.SortFunc(all, func(a, b *rule) int { return a.number - b.number })
	return all
}

func (s *Service) rule(arn string) (*rule, error) {
	for _, b := range s.balancers {
		for _, l := range b.listeners {
			if r := find(l.rules, func(r *rule) bool { return r.arn == arn }); r != nil {
				return r, nil
			}
		}
	}
	return nil, ruleARN.notFound(arn)
}

type ruleInput struct {
	ARN string `form:"RuleArn" required:"true"`
}

type modifyRuleInput struct {
	ruleInput
	Conditions []condition
	Actions    []action
	Transforms []transform
	Reset      bool `form:"ResetTransforms"`
}

// modifyRule replaces the list of conditions, of actions, or both; a list that is not given stays.
func (s *Service) modifyRule(in modifyRuleInput) (rulesOutput, error) {
	r, err := s.rule(in.ARN)
	if err != nil {
		return rulesOutput{}, err
	}
	if r.isDefault {
		return rulesOutput{}, wire.Errorf("OperationNotPermitted", "Default rule '%s' cannot be modified", r.arn)
	}
	after, at := *r, place{r.listener.balancer, r.listener.protocol}
	if len(in.Conditions) > 0 {
		if after.conditions, err = s.checkConditions(at, in.Conditions); err != nil {
			return rulesOutput{}, err
		}
	}
	if len(in.Actions) > 0 {
		if after.actions, err = s.checkActions(at, keepSecrets(in.Actions, r.actions)); err != nil {
			return rulesOutput{}, err
		}
	}
	if after.transforms, err = in.transformsOver(at, r.transforms); err != nil {
		return rulesOutput{}, err
	}
	*r = after
	s.changed(r.listener.balancer)
	return rulesOutput{Rules: []ruleOutput{r.output()}}, nil
}

// transformsOver: ResetTransforms removes all, and must not be given with new ones (API reference, ModifyRule).
func (in modifyRuleInput) transformsOver(at place, had []transform) ([]transform, error) {
	switch {
	case in.Reset && len(in.Transforms) > 0:
		return nil, wire.Errorf("ValidationError", "Transforms and ResetTransforms cannot be specified at the same time")
	case in.Reset:
		return nil, nil
	case len(in.Transforms) == 0:
		return had, nil
	}
	return in.Transforms, checkTransforms(at, in.Transforms)
}

func (s *Service) deleteRule(in ruleInput) (wire.Empty, error) {
	r, err := s.rule(in.ARN)
	if err != nil {
		return wire.Empty{}, err
	}
	if r.isDefault {
		return wire.Empty{}, wire.Errorf("OperationNotPermitted", "Default rule '%s' cannot be deleted", r.arn)
	}
	r.listener.rules = slices.DeleteFunc(r.listener.rules, func(other *rule) bool { return other == r })
	delete(s.tags, r.arn)
	s.changed(r.listener.balancer)
	return wire.Empty{}, nil
}

type setRulePrioritiesInput struct {
	Priorities []rulePriority `form:"RulePriorities" required:"true"`
}

type rulePriority struct {
	ARN      string `form:"RuleArn" required:"true"`
	Priority int    `required:"true" range:"1,50000"`
}

// setRulePriorities changes all priorities of a call at once: only the result must be free of conflicts.
func (s *Service) setRulePriorities(in setRulePrioritiesInput) (rulesOutput, error) {
	after := map[*rule]int{}
	var changed []*rule
	for _, p := range in.Priorities {
		r, err := s.rule(p.ARN)
		if err != nil {
			return rulesOutput{}, err
		}
		if r.isDefault {
			return rulesOutput{}, wire.Errorf("OperationNotPermitted", "The priority of default rule '%s' cannot be changed", r.arn)
		}
		after[r] = p.Priority
		changed = append(changed, r)
	}
	if err := checkPriorities(changed, after); err != nil {
		return rulesOutput{}, err
	}
	var out rulesOutput
	for _, r := range changed {
		r.priority = after[r]
		out.Rules = append(out.Rules, r.output())
		r.listener.sortRules()
	}
	for _, b := range s.balancers {
		if slices.ContainsFunc(changed, func(r *rule) bool { return r.listener.balancer == b }) {
			s.publish(b)
		}
	}
	return out, nil
}

func checkPriorities(changed []*rule, after map[*rule]int) error {
	for _, r := range changed {
		taken := map[int]bool{}
		for _, other := range r.listener.rules {
			priority, ok := after[other]
			if !ok {
				priority = other.order()
			}
			if taken[priority] {
				return priorityInUse(priority)
			}
			taken[priority] = true
		}
	}
	return nil
}
