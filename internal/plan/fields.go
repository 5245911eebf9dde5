package plan

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/model"
)

// Field is one value that a step changes. An empty side says that there was, or will be,
// nothing.
type Field struct {
	Name string `json:"name"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// Effect is what a step means for the resource that it is about.
type Effect string

// The effects.
const (
	Creates  Effect = "create"
	Changes  Effect = "change"
	Replaces Effect = "replace" // the resource goes, and another takes its place
	Deletes  Effect = "delete"
)

// Told is a step and what people ask of it.
type Told struct {
	Step
	Effect Effect  `json:"effect"`
	Fields []Field `json:"fields,omitempty"`
}

// Tell says of each step from have to want whether it creates, changes, replaces or
// deletes, and which values it changes.
func Tell(steps []Step, want model.Stack, have model.Observed) []Told {
	t := teller{have: Retire(want, have), made: map[model.Key]bool{}, replaced: map[model.Key]bool{}}
	for _, step := range steps {
		if step.Verb == Create {
			t.made[step.Key] = true
		}
	}
	for _, step := range steps {
		if step.Verb == Delete && t.made[successor(step.Key)] {
			t.replaced[successor(step.Key)] = true
		}
	}
	told := make([]Told, 0, len(steps))
	for _, step := range steps {
		told = append(told, Told{Step: step, Effect: t.effect(step), Fields: t.fields(step)})
	}
	return told
}

// successor is the key of what takes the place of something that was retired.
func successor(key model.Key) model.Key {
	before, _, _ := strings.Cut(string(key), retired)
	return model.Key(before)
}

type teller struct {
	have           model.Observed
	made, replaced map[model.Key]bool
}

func (t teller) effect(step Step) Effect {
	switch {
	case t.replaced[successor(step.Key)]:
		return Replaces
	case step.Verb == Delete:
		return Deletes
	case t.made[step.Key]:
		return Creates
	}
	return Changes
}

// fields of a step that changes something. What is made or deleted is told whole by the model.
func (t teller) fields(step Step) []Field {
	switch action := step.Action.(type) {
	case AuthorizeIngress:
		return each(action.Permissions, func(text string) Field { return Field{Name: "permission", New: text} })
	case RevokeIngress:
		return each(action.Permissions, func(text string) Field { return Field{Name: "permission", Old: text} })
	case ModifyHealthCheck:
		have, _ := find(t.have.TargetGroups, action.Group, targetGroupKey)
		return settings("health check ", action.Want.Settings(), have.HealthCheck.Settings())
	case ModifyTargetGroupAttributes:
		have, _ := find(t.have.TargetGroups, action.Group, targetGroupKey)
		return settings("", action.Attributes, t.existing(step, have.Attributes))
	case ModifyLoadBalancerAttributes:
		return settings("", action.Attributes, t.existing(step, t.loadBalancer().Attributes))
	case ModifyListenerAttributes:
		have, _ := find(t.have.Listeners, action.Listener, listenerKey)
		return settings("", action.Attributes, have.Attributes)
	case SetSecurityGroups:
		return []Field{{Name: "security groups", Old: joined(t.loadBalancer().SecurityGroups), New: joined(action.SecurityGroups)}}
	case SetSubnets:
		return []Field{{Name: "subnets", Old: joined(t.loadBalancer().Subnets), New: joined(action.Subnets)}}
	case SetIPAddressType:
		return []Field{{Name: "IP address type", Old: t.loadBalancer().IPAddressType, New: action.Type}}
	case ModifyListener:
		have, _ := find(t.have.Listeners, action.Want.Key, listenerKey)
		return listenerFields(action.Want, have)
	case AddListenerCertificate:
		return []Field{{Name: "certificate", New: action.Certificate}}
	case RemoveListenerCertificate:
		return []Field{{Name: "certificate", Old: action.Certificate}}
	case ModifyRule:
		have, _ := find(t.have.Rules, action.Rule, ruleKey)
		return ruleFields(action.Want, have)
	case SetRulePriorities:
		return t.priorities(action.Priorities)
	case AddTags:
		return settings("tag ", action.Tags, t.tagsOf(step.Key))
	case RemoveTags:
		return t.removed(action.Keys, t.tagsOf(step.Key))
	case ModifyBinding:
		have, _ := find(t.have.Bindings, action.Want.Key, bindingKey)
		return bindingFields(action.Want, have)
	}
	return nil
}

// existing is nothing where the resource is new.
func (t teller) existing(step Step, have map[string]string) map[string]string {
	if t.made[step.Key] {
		return nil
	}
	return have
}

func (t teller) loadBalancer() model.LoadBalancer {
	if t.have.LoadBalancer == nil {
		return model.LoadBalancer{}
	}
	return *t.have.LoadBalancer
}

func (t teller) tagsOf(key model.Key) map[string]string {
	if lb := t.loadBalancer(); lb.Key == key {
		return lb.Tags
	}
	for _, group := range t.have.TargetGroups {
		if group.Key == key {
			return group.Tags
		}
	}
	for _, group := range t.have.SecurityGroups {
		if group.Key == key {
			return group.Tags
		}
	}
	if listener, ok := find(t.have.Listeners, key, listenerKey); ok {
		return listener.Tags
	}
	rule, _ := find(t.have.Rules, key, ruleKey)
	return rule.Tags
}

func (t teller) removed(keys []string, have map[string]string) []Field {
	var fields []Field
	for _, key := range keys {
		fields = append(fields, Field{Name: "tag " + key, Old: quoted(have[key])})
	}
	return fields
}

func (t teller) priorities(wanted map[model.Key]int32) []Field {
	var fields []Field
	for _, key := range slices.Sorted(maps.Keys(wanted)) {
		have, _ := find(t.have.Rules, key, ruleKey)
		fields = append(fields, Field{Name: "priority of " + string(key), Old: inJSON(have.Priority), New: inJSON(wanted[key])})
	}
	return fields
}

func listenerFields(want, have model.Listener) []Field {
	var fields []Field
	fields = differ(fields, "protocol", have.Protocol, want.Protocol)
	fields = differ(fields, "certificate", have.Certificate, want.Certificate)
	if want.SSLPolicy != "" {
		fields = differ(fields, "TLS policy", have.SSLPolicy, want.SSLPolicy)
	}
	if !model.SameAction(want.Default, have.Default) {
		fields = differ(fields, "default action", inJSON(have.Default), inJSON(want.Default))
	}
	return fields
}

func ruleFields(want, have model.Rule) []Field {
	var fields []Field
	fields = differ(fields, "conditions", inJSON(have.Conditions), inJSON(want.Conditions))
	if !model.SameAction(want.Action, have.Action) {
		fields = differ(fields, "action", inJSON(have.Action), inJSON(want.Action))
	}
	return differ(fields, "transforms", inJSON(have.Transforms), inJSON(want.Transforms))
}

func bindingFields(want, have model.Binding) []Field {
	var fields []Field
	fields = differ(fields, "service", have.Service, want.Service)
	fields = differ(fields, "port", have.Port, want.Port)
	fields = differ(fields, "target type", have.TargetType, want.TargetType)
	fields = differ(fields, "protocol", have.Protocol, want.Protocol)
	fields = differ(fields, "IP address type", have.IPAddressType, want.IPAddressType)
	fields = differ(fields, "VPC", have.VPC, want.VPC)
	fields = differ(fields, "node selector", inJSON(have.NodeSelector), inJSON(want.NodeSelector))
	fields = differ(fields, "shared by clusters", inJSON(have.MultiCluster), inJSON(want.MultiCluster))
	fields = differ(fields, "labels", inJSON(have.Labels), inJSON(want.Labels))
	return differ(fields, "sources", inJSON(have.Sources), inJSON(want.Sources))
}

func differ(fields []Field, name, was, will string) []Field {
	if was == will {
		return fields
	}
	return append(fields, Field{Name: name, Old: was, New: will})
}

// settings are the entries of want that differ, by name.
func settings(prefix string, want, have map[string]string) []Field {
	var fields []Field
	changed := differing(want, have)
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		field := Field{Name: prefix + name, New: quoted(want[name])}
		if was, existed := have[name]; existed {
			field.Old = quoted(was)
		}
		fields = append(fields, field)
	}
	return fields
}

// quoted shows a value that is there and empty.
func quoted(value string) string {
	if value == "" {
		return `""`
	}
	return value
}

func each(permissions []model.Permission, field func(string) Field) []Field {
	var fields []Field
	for _, permission := range permissions {
		fields = append(fields, field(describe([]model.Permission{permission})))
	}
	return fields
}

func joined[T ~string](list []T) string {
	texts := make([]string, len(list))
	for i, item := range list {
		texts[i] = string(item)
	}
	return strings.Join(texts, ", ")
}

// inJSON is a value that is no word; empty where there is none.
func inJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic("values of the model are plain data and always marshal: " + err.Error())
	}
	if string(text) == "null" {
		return ""
	}
	return string(text)
}
