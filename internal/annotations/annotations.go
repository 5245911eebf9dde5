// Package annotations knows everything that a user can write in an annotation.
//
// One table (table.go) states for each key its type, default, where it may stand, how the
// values of several Ingresses are merged, and whether this build serves it. Parsing,
// checking and the reference page docs/annotations.md all come out of that table. What
// comes in is the annotations of an object, what goes out are values and findings. Nothing
// here knows what a load balancer is, or reads anything.
//
//	set := annotations.New(ingress.Annotations, service.Annotations)
//	seconds, err := set.Int32("healthcheck-interval-seconds", 15)
//	for _, finding := range annotations.Check(annotations.OnIngress, ingress.Annotations) { … }
//
// Every error of this package is a Finding: it names the key, the value and what would be
// right, and never anything that changes from try to try.
package annotations

// Prefix begins the annotations of Ingress and Service; it is the incumbent's. Own begins
// those that only Sluice knows.
const (
	Prefix = "alb.ingress.kubernetes.io/"
	Own    = "sluice.dev/"
)

// Type is the syntax of a value.
type Type string

// The types, in the words of the reference page.
const (
	TypeString     Type = "string"
	TypeBool       Type = "bool"
	TypeInt32      Type = "integer"
	TypeStringList Type = "list"
	TypeCIDRList   Type = "list of CIDRs"
	TypeStringMap  Type = "map"
	TypeJSON       Type = "JSON"
	TypeDuration   Type = "duration"
)

// Object is a kind of object that an annotation can stand on. Values add up.
type Object uint8

// The kinds of objects whose annotations mean something.
const (
	OnIngress Object = 1 << iota
	OnService
	OnPod
	OnNamespace
)

// Key is a row of the table.
type Key struct {
	// Name is what follows the prefix. A name that ends in "<…>" stands for all names that
	// begin like it.
	Name string
	// Own is true for the keys that begin with sluice.dev/.
	Own bool
	// Type is the syntax of the value.
	Type Type
	// Default is what counts where the key is absent; empty where that is nothing, or too
	// much to say in a word: then Doc says it.
	Default string
	// Allowed lists the values that a string may have; empty for any.
	Allowed []string
	// Min and Max bound an integer, both inclusive, where Max is not 0.
	Min, Max int32
	// On says on which objects the key is read as an annotation.
	On Object
	// Label says on which objects it is read as a label.
	Label Object
	// Merge says what happens when several Ingresses of one load balancer carry the key.
	Merge string
	// Doc is a sentence.
	Doc string
	// Built is false where this build does not serve the key yet.
	Built bool
	// Written is true for keys that Sluice itself writes, or the incumbent did.
	Written bool
}

// String is the whole key, as it stands in an object.
func (k Key) String() string {
	if k.Own {
		return Own + k.Name
	}
	return Prefix + k.Name
}

// Reasons of findings.
const (
	// ReasonUnknown is a key that nobody reads; most often a slip of the keyboard.
	ReasonUnknown = "UnknownAnnotation"
	// ReasonMisplaced is a key that is not read on this kind of object.
	ReasonMisplaced = "MisplacedAnnotation"
	// ReasonInvalid is a value that does not parse, or is not allowed.
	ReasonInvalid = "InvalidAnnotation"
	// ReasonNotBuilt is a key or a value that this build does not serve yet.
	ReasonNotBuilt = "AnnotationNotBuilt"
)

// Finding is something wrong with one annotation.
type Finding struct {
	// Key and Value are as the user wrote them.
	Key, Value string
	// Reason is one of the constants above.
	Reason string
	// Message says what is wrong, Remedy what to write instead.
	Message, Remedy string
	// Fatal is true where the object cannot be served as its user means it.
	Fatal bool
}

// Error makes a finding usable where a single value is read.
func (f Finding) Error() string {
	return f.Message + "; " + f.Remedy
}
