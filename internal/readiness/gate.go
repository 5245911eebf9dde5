package readiness

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// ConditionType of a Pod condition that is a gate of ours.
type ConditionType string

const (
	prefix        = "target-health."
	ingressPrefix = "target-health.alb.ingress.k8s.aws/"
	bindingPrefix = "target-health.elbv2.k8s.aws/"

	// Anticipating is the gate of Pods for which no claim is known at their creation.
	Anticipating ConditionType = "target-health.sluice.dev/load-balancers"
)

// InjectLabel on a namespace, with the value "enabled", asks for gates; the incumbent's.
const InjectLabel = "elbv2.k8s.aws/pod-readiness-gate-inject"

// IsGate reports whether a condition type is a gate that this room answers for.
func IsGate(conditionType string) bool { return strings.HasPrefix(conditionType, prefix) }

// ForIngress is the own gate of an Ingress backend; the port is as the Ingress says it.
func ForIngress(ingress, port string) ConditionType {
	return ConditionType(ingressPrefix + fit(ingress+"_"+port))
}

// ForIngressService is the older form of [ForIngress].
func ForIngressService(ingress, service, port string) ConditionType {
	return ConditionType(ingressPrefix + fit(ingress+"_"+service+"_"+port))
}

// ForBinding is the own gate of a TargetGroupBinding, the form of the incumbent.
func ForBinding(name string) ConditionType { return ConditionType(bindingPrefix + fit(name)) }

// longest is what Kubernetes allows after the slash of a condition type.
const longest = 63

// fit shortens a name that is too long: its first 52 characters, a dash, and ten hex
// digits of its SHA-256.
func fit(name string) string {
	if len(name) <= longest {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:52] + "-" + hex.EncodeToString(sum[:5])
}

// named is what an own gate speaks of, for messages: "Ingress web_80".
func (t ConditionType) named() (string, bool) {
	if name, ok := strings.CutPrefix(string(t), ingressPrefix); ok {
		return "an Ingress backend " + name, true
	}
	if name, ok := strings.CutPrefix(string(t), bindingPrefix); ok {
		return "a TargetGroupBinding " + name, true
	}
	return "", false
}
