package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/sluice-lb/sluice/internal/model"
)

// hash is the lower-case hex SHA-256 of the parts, one after the other without
// separators, cut to ten digits.
func hash(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		h.Write([]byte(part))
	}
	return hex.EncodeToString(h.Sum(nil))[:10]
}

// clean drops every character that is no ASCII letter or digit, and keeps the first n.
func clean(s string, n int) string {
	out := make([]byte, 0, n)
	for i := 0; i < len(s) && len(out) < n; i++ {
		if c := s[i]; c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			out = append(out, c)
		}
	}
	return string(out)
}

func threePart(a, b, digest string) string {
	return fmt.Sprintf("k8s-%s-%s-%s", clean(a, 8), clean(b, 8), digest)
}

func twoPart(a, digest string) string { return fmt.Sprintf("k8s-%s-%s", clean(a, 17), digest) }

func stackName(id model.StackID, digest string) string {
	if id.Namespace == "" {
		return twoPart(id.Name, digest)
	}
	return threePart(id.Namespace, id.Name, digest)
}

// LoadBalancerName is the name of an Ingress stack's load balancer.
func LoadBalancerName(cluster string, id model.StackID, scheme model.Scheme) string {
	return stackName(id, hash(cluster, id.String(), string(scheme)))
}

// SecurityGroupName is the name of an Ingress stack's own security group.
func SecurityGroupName(cluster string, id model.StackID) string {
	return stackName(id, hash(cluster, id.String()))
}

// BackendSecurityGroupName is the name of the security group that all load balancers
// of the cluster share.
func BackendSecurityGroupName(cluster string) string {
	return fmt.Sprintf("k8s-traffic-%s-%s", clean(cluster, 232), hash(cluster))
}

// TargetGroupID is all that the name of an Ingress target group is made of.
type TargetGroupID struct {
	Cluster          string
	Stack            model.StackID
	IngressNamespace string
	IngressName      string
	ServiceNamespace string
	ServiceName      string
	ServiceUID       string
	BackendPort      string // as written in the Ingress
	Port             int32
	TargetType       string
	Protocol         string
	ProtocolVersion  string
}

// Name is the target group's name.
func (t TargetGroupID) Name() string {
	return threePart(t.ServiceNamespace, t.ServiceName, hash(t.Cluster, t.Stack.String(), t.IngressNamespace, t.IngressName, t.ServiceUID,
		t.BackendPort, strconv.Itoa(int(t.Port)), t.TargetType, t.Protocol, t.ProtocolVersion))
}
