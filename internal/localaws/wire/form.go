package wire

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// node is one step of a dotted parameter name: "Tags.member.1.Key" is four nodes deep.
type node struct {
	value *string
	kids  map[string]*node
	used  bool
}

// protocolParameters are part of every call and belong to no operation.
var protocolParameters = []string{"Action", "Version"}

func parse(form url.Values) *node {
	root := &node{}
	for name, values := range form {
		if slices.Contains(protocolParameters, name) || len(values) == 0 {
			continue
		}
		at := root
		for part := range strings.SplitSeq(name, ".") {
			at = at.child(part)
		}
		at.value = &values[0]
	}
	return root
}

func (n *node) child(name string) *node {
	if n.kids == nil {
		n.kids = map[string]*node{}
	}
	kid := n.kids[name]
	if kid == nil {
		kid = &node{}
		n.kids[name] = kid
	}
	return kid
}

// find returns the child, or nil.
func (n *node) find(name string) *node {
	if n == nil {
		return nil
	}
	return n.kids[name]
}

// unused names a parameter that no field asked for, or "".
func (n *node) unused(path string) string {
	if n.value != nil && !n.used {
		return path
	}
	names := make([]string, 0, len(n.kids))
	for name := range n.kids {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if found := n.kids[name].unused(strings.TrimPrefix(path+"."+name, ".")); found != "" {
			return found
		}
	}
	return ""
}

// Decode fills the struct that into points to from the parameters of a call, checks what the fields' tags ask for
// (see check), and refuses a parameter that no field takes: to ignore it could change what the call means.
func Decode(d Dialect, form url.Values, into any) error {
	root := parse(form)
	if err := d.decode(root, reflect.ValueOf(into).Elem(), ""); err != nil {
		return err
	}
	if name := root.unused(""); name != "" {
		return d.unknownParameter(name)
	}
	return nil
}

func (d Dialect) decode(n *node, into reflect.Value, path string) error {
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		return d.decode(n, into.Elem(), path)
	case reflect.Struct:
		return d.decodeStruct(n, into, path)
	case reflect.Slice:
		if into.Type().Elem().Kind() == reflect.Uint8 {
			return d.decodeBlob(n, into, path)
		}
		return d.decodeList(n, into, path)
	case reflect.Map:
		return d.decodeMap(n, into, path)
	default:
		return d.decodeScalar(n, into, path)
	}
}

// decodeMap reads a Map.
func (d Dialect) decodeMap(n *node, into reflect.Value, path string) error {
	n.used = true
	result := Map{}
	if entries := n.find("entry"); entries != nil {
		for number, entry := range entries.kids {
			key, value := entry.find("key"), entry.find("value")
			if key == nil || key.value == nil || value == nil || value.value == nil {
				return d.missing(path + ".entry." + number)
			}
			key.used, value.used = true, true
			result[*key.value] = *value.value
		}
	}
	into.Set(reflect.ValueOf(result))
	return nil
}

func (d Dialect) decodeStruct(n *node, into reflect.Value, path string) error {
	n.used = true
	for i := range into.NumField() {
		field := into.Type().Field(i)
		if field.Anonymous {
			if err := d.decodeStruct(n, into.Field(i), path); err != nil {
				return err
			}
			continue
		}
		name := field.Tag.Get("form")
		if name == "" {
			name = field.Name
		}
		full := strings.TrimPrefix(path+"."+name, ".")
		kid := n.find(name)
		if kid != nil {
			if err := d.decode(kid, into.Field(i), full); err != nil {
				return err
			}
		}
		if err := d.check(field.Tag, kid, into.Field(i), full); err != nil {
			return err
		}
	}
	return nil
}

// decodeList reads members in the order of their numbers. An empty list arrives as a parameter with an empty value.
func (d Dialect) decodeList(n *node, into reflect.Value, path string) error {
	n.used = true
	members := n
	if d.ListStep != "" {
		members = n.find(d.ListStep)
	}
	into.Set(reflect.MakeSlice(into.Type(), 0, 0))
	if members == nil {
		return nil
	}
	numbers := make([]int, 0, len(members.kids))
	for name := range members.kids {
		number, err := strconv.Atoi(name)
		if err != nil {
			return d.unknownParameter(path + "." + name)
		}
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	for _, number := range numbers {
		name := strconv.Itoa(number)
		item := reflect.New(into.Type().Elem()).Elem()
		if err := d.decode(members.kids[name], item, path+"."+name); err != nil {
			return err
		}
		into.Set(reflect.Append(into, item))
	}
	return nil
}

// decodeBlob reads bytes, which both protocols write in base64.
func (d Dialect) decodeBlob(n *node, into reflect.Value, path string) error {
	if n.value == nil {
		return nil
	}
	n.used = true
	data, err := base64.StdEncoding.DecodeString(*n.value)
	if err != nil {
		return d.malformed(path, "…", "base64")
	}
	into.SetBytes(data)
	return nil
}

func (d Dialect) decodeScalar(n *node, into reflect.Value, path string) error {
	if n.value == nil {
		return nil // only children: they stay unused, and Decode names them
	}
	n.used = true
	text := *n.value
	switch into.Kind() {
	case reflect.String:
		into.SetString(text)
	case reflect.Bool:
		value, err := strconv.ParseBool(text)
		if err != nil {
			return d.malformed(path, text, "a boolean")
		}
		into.SetBool(value)
	case reflect.Int, reflect.Int64:
		value, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return d.malformed(path, text, "an integer")
		}
		into.SetInt(value)
	default:
		panic(fmt.Sprintf("wire: field %s has a type that no parameter can have: %s", path, into.Type()))
	}
	return nil
}
