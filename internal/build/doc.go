// Package build holds what all builders share: names, tags, subnets, security groups
// and the rules by which a model is made from Kubernetes objects.
//
// A builder ([build/ingress]; Service and Gateway get their own) is a pure function of
// a snapshot. It looks nothing up: what it lacks is a [model.Problem] beside the
// result, with the object, the field, what is wrong and what would be right.
//
// Names and tags are those of the incumbent, to the byte, so that a cluster can switch
// without one AWS resource being made anew.
package build
