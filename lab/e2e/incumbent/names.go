package incumbent

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// hash is the first ten digits of SHA-256 over the parts, which stand side by side.
func hash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])[:10]
}

// letters are the ASCII letters and digits of a text, at most so many.
func letters(text string, most int) string {
	var out strings.Builder
	for _, r := range text {
		if ('0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') && out.Len() < most {
			out.WriteRune(r)
		}
	}
	return out.String()
}

func threePart(a, b, sum string) string {
	return "k8s-" + letters(a, 8) + "-" + letters(b, 8) + "-" + sum
}

func twoPart(a, sum string) string { return "k8s-" + letters(a, 17) + "-" + sum }

// id is how tags name a stack.
func (s Stack) id(namespace string) string {
	if s.Group != "" {
		return s.Group
	}
	return namespace + "/" + s.Ingress
}

func (w *Writer) balancerName(s Stack) string {
	switch sum := hash(w.Cluster, s.id(w.Namespace), s.scheme()); {
	case s.Name != "":
		return s.Name
	case s.Group != "":
		return twoPart(s.Group, sum)
	default:
		return threePart(w.Namespace, s.Ingress, sum)
	}
}

func (w *Writer) managedGroupName(s Stack) string {
	sum := hash(w.Cluster, s.id(w.Namespace))
	if s.Group != "" {
		return twoPart(s.Group, sum)
	}
	return threePart(w.Namespace, s.Ingress, sum)
}

func (w *Writer) backendGroupName() string {
	return "k8s-traffic-" + letters(w.Cluster, 232) + "-" + hash(w.Cluster)
}
