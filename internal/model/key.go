package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Key names a resource inside its stack: its kind, a slash, and what the incumbent
// writes into the resource tag (rules, which have no stable tag, use a digest of
// their conditions). A reference to something outside the stack is its ARN.
type Key string

// Tag values of single resources, as the incumbent writes them.
const (
	LoadBalancerResource  = "LoadBalancer"
	SecurityGroupResource = "ManagedLBSecurityGroup"
)

// Keys of resources of which a stack has one.
const (
	LoadBalancerKey  Key = "load-balancer/" + LoadBalancerResource
	SecurityGroupKey Key = "security-group/" + SecurityGroupResource
)

// TargetGroupKey is the key of the target group with this resource tag.
func TargetGroupKey(resource string) Key { return Key("target-group/" + resource) }

// BindingKey is the key of the TargetGroupBinding of a target group.
func BindingKey(group Key) Key { return Key("binding/" + group.Resource()) }

// ListenerKey is the key of the listener on a port.
func ListenerKey(port int32) Key { return Key(fmt.Sprintf("listener/%d", port)) }

// RuleKey is the key of a rule: the listener's port and a digest of the conditions.
// A rule keeps its key when its priority, actions or tags change.
func RuleKey(port int32, conditions []Condition) Key {
	conditions = slices.Clone(conditions)
	SortConditions(conditions)
	text, err := json.Marshal(conditions)
	if err != nil {
		panic("conditions are plain data and always marshal: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return Key(fmt.Sprintf("rule/%d/%s", port, hex.EncodeToString(sum[:5])))
}

// Nth tells apart resources that would have the same key: the first keeps it.
func (k Key) Nth(n int) Key {
	if n == 0 {
		return k
	}
	return Key(fmt.Sprintf("%s#%d", k, n+1))
}

// Resource is the key without its kind: what the resource tag holds.
func (k Key) Resource() string {
	_, resource, _ := strings.Cut(string(k), "/")
	return resource
}

// Foreign reports whether the key is the ARN of something outside the stack.
func (k Key) Foreign() bool { return strings.HasPrefix(string(k), "arn:") }
