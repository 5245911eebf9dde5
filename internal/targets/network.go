package targets

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/model"
)

// lastPort is the highest there is.
const lastPort = 65535

// Need is a way in that a binding wants to the endpoints on one node.
type Need struct {
	Protocol         string // "tcp" or "udp"
	FromPort, ToPort int32
	SourceGroup      string // a security group, or
	CIDR             string // a range of addresses
}

// Needs are the ways in that a binding's networking asks for at one endpoint; pod
// resolves names of container ports, and is nil where the endpoint is a node.
func Needs(networking *v1beta1.Networking, pod *corev1.Pod) []Need {
	var out []Need
	if networking == nil {
		return nil
	}
	for _, rule := range networking.Ingress {
		for _, peer := range rule.From {
			for _, port := range rule.Ports {
				for _, number := range numbers(port.Port, pod) {
					need := Need{Protocol: "tcp", FromPort: number, ToPort: number}
					if port.Protocol != nil {
						need.Protocol = strings.ToLower(string(*port.Protocol))
					}
					if port.Port == nil {
						need.FromPort, need.ToPort = 0, lastPort
					}
					switch {
					case peer.SecurityGroup != nil:
						need.SourceGroup = peer.SecurityGroup.GroupID
					case peer.IPBlock != nil:
						need.CIDR = peer.IPBlock.CIDR
					}
					out = append(out, need)
				}
			}
		}
	}
	return out
}

func numbers(port *intstr.IntOrString, pod *corev1.Pod) []int32 {
	if port == nil {
		return []int32{0}
	}
	if number, err := strconv.ParseInt(port.String(), 10, 32); err == nil {
		return []int32{int32(number)}
	}
	if pod == nil {
		return nil // a node: it has no ports with names
	}
	containers := slices.Clone(pod.Spec.Containers)
	for _, container := range pod.Spec.InitContainers {
		if container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			containers = append(containers, container) // a sidecar
		}
	}
	var out []int32
	for _, container := range containers {
		for _, declared := range container.Ports {
			if declared.Name == port.StrVal {
				out = append(out, declared.ContainerPort)
			}
		}
	}
	return out
}

// Permissions joins the needs of all bindings at one endpoint security group as the
// incumbent does: for each protocol and source group one rule from the lowest to the
// highest port; ranges of addresses stay as they are.
func Permissions(needs []Need) []model.Permission {
	type source struct{ protocol, group string }
	widest := map[source]*model.Permission{}
	var out []model.Permission
	for _, need := range needs {
		permission := need.permission()
		if need.CIDR != "" {
			out = append(out, permission)
			continue
		}
		if permission.FromPort == 0 && permission.ToPort == 0 {
			permission.ToPort = lastPort // port 0 stands for all of them
		}
		key := source{need.Protocol, need.SourceGroup}
		if known := widest[key]; known != nil {
			known.FromPort, known.ToPort = min(known.FromPort, permission.FromPort), max(known.ToPort, permission.ToPort)
			continue
		}
		widest[key] = &permission
	}
	for _, permission := range widest {
		out = append(out, *permission)
	}
	return slices.Compact(model.SortPermissions(out))
}

// Union is every need as a rule of its own (flag --disable-restricted-sg-rules).
func Union(needs []Need) []model.Permission {
	var out []model.Permission
	for _, need := range needs {
		out = append(out, need.permission())
	}
	return slices.Compact(model.SortPermissions(out))
}

func (n Need) permission() model.Permission {
	permission := model.Permission{
		Protocol: n.Protocol, FromPort: n.FromPort, ToPort: n.ToPort, SourceGroup: n.SourceGroup, Description: model.EndpointRuleDescription,
	}
	if strings.Contains(n.CIDR, ":") {
		permission.CIDR6 = n.CIDR
	} else {
		permission.CIDR = n.CIDR
	}
	return permission
}

// CompareNeeds gives needs a stable order.
func CompareNeeds(a, b Need) int {
	return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.FromPort, b.FromPort), cmp.Compare(a.ToPort, b.ToPort),
		cmp.Compare(a.SourceGroup, b.SourceGroup), cmp.Compare(a.CIDR, b.CIDR))
}
