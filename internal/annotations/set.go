package annotations

// Set is what an Ingress says, or what it says about one backend: there a Service may say it
// otherwise. Above both may stand what the administrator says for all Ingresses of a class.
// Names are given without the prefix.
type Set struct {
	ingress, service map[string]string
	class            map[string]string
}

// New lays the annotations of a Service over those of an Ingress. A key on the Service
// replaces the Ingress's whole value, where the table says that the key is read there. A nil
// service leaves the Ingress's alone.
func New(ingress, service map[string]string) Set {
	return Set{ingress: ingress, service: service}
}

// Under lays what a class says over the annotations. Names are without the prefix, and values
// in the syntax of annotations.
func (s Set) Under(class map[string]string) Set {
	s.class = class
	return s
}

// find returns the value and whether there is one; an empty value is one.
func (s Set) find(name string) (string, bool) {
	if value, found := s.class[name]; found {
		return value, true
	}
	if value, found := s.service[Prefix+name]; found {
		if key, known := find(Prefix + name); known && key.On&OnService != 0 {
			return value, true
		}
	}
	value, found := s.ingress[Prefix+name]
	return value, found
}

// Has says whether the annotation is there, be it empty.
func (s Set) Has(name string) bool {
	_, found := s.find(name)
	return found
}

// String is the value as it stands, or the fallback where the annotation is absent.
func (s Set) String(name, fallback string) string {
	if value, found := s.find(name); found {
		return value
	}
	return fallback
}

// Choice is a value out of those that the table allows and this build serves. The fallback is
// held to the same, since it may come from a flag.
func (s Set) Choice(name, fallback string) (string, error) {
	value := s.String(name, fallback)
	key, _ := find(Prefix + name)
	if finding := key.choose(Prefix+name, value); finding != nil {
		return "", *finding
	}
	return value, nil
}

// Form is a value that must have the form that the table's key has, such as a name.
func (s Set) Form(name, fallback string) (string, error) {
	value := s.String(name, fallback)
	key, _ := find(Prefix + name)
	if wrong := key.match(value); wrong != nil {
		return "", wrong.about(Prefix+name, value)
	}
	return value, nil
}

// Bool reads true and false in the spellings that Go knows.
func (s Set) Bool(name string, fallback bool) (bool, error) {
	return read(s, name, fallback, parseBool)
}

// Int32 reads a decimal number, within the bounds that the table states.
func (s Set) Int32(name string, fallback int32) (int32, error) {
	key, _ := find(Prefix + name)
	return read(s, name, fallback, key.parseInt32)
}

// StringList reads items between commas, without blanks around them and without empty ones.
// It is nil where the annotation is absent or holds no item.
func (s Set) StringList(name string) []string {
	value, _ := s.find(name)
	return parseStringList(value)
}

// CIDRList reads a list whose items are ranges of addresses.
func (s Set) CIDRList(name string) ([]string, error) {
	return read(s, name, nil, parseCIDRList)
}

// StringMap reads pairs k=v between commas. It is nil where the annotation is absent, and
// empty where it is there and empty.
func (s Set) StringMap(name string) (map[string]string, error) {
	return read(s, name, nil, parseStringMap)
}

// ListenPorts reads the annotation listen-ports, by ascending port. It is nil where the
// annotation is absent.
func (s Set) ListenPorts() ([]ListenPort, error) {
	return read(s, "listen-ports", nil, parseListenPorts)
}

// Action reads actions.<name>. It is nil where the annotation is absent.
func (s Set) Action(name string) (*Action, error) {
	return read(s, "actions."+name, nil, parseAction)
}

// ActionTargets are the targets that actions.<name> names, as far as it can be read: those
// who wait for them must not lose them to a slip elsewhere in the annotation.
func (s Set) ActionTargets(name string) []Target {
	text, _ := s.find("actions." + name)
	return namedTargets(text)
}

// Conditions reads conditions.<name>, without those that nobody knows (Check tells of them).
func (s Set) Conditions(name string) ([]Condition, error) {
	return read(s, "conditions."+name, nil, parseConditions)
}

// Transforms reads transforms.<name>.
func (s Set) Transforms(name string) ([]Transform, error) {
	return read(s, "transforms."+name, nil, parseTransforms)
}

// read parses a value that is there, and makes a finding of what does not parse.
func read[V any](s Set, name string, fallback V, parse func(string) (V, *complaint)) (V, error) {
	text, found := s.find(name)
	if !found {
		return fallback, nil
	}
	value, wrong := parse(text)
	if wrong != nil && !wrong.harmless {
		var none V
		return none, wrong.about(Prefix+name, text)
	}
	return value, nil
}
