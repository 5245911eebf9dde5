package wire

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// check applies what a field's tags ask for, as the request validation in front of the AWS services does:
//
//	required:"true"   the parameter is there, and not an empty list
//	enum:"a,b"        the value is one of these
//	range:"1,400"     bounds of a number, or of the length of a string, list or blob
func (d Dialect) check(tag reflect.StructTag, n *node, field reflect.Value, path string) error {
	if n == nil {
		if tag.Get("required") != "" {
			return d.missing(path)
		}
		return nil
	}
	if tag.Get("required") != "" && field.Kind() == reflect.Slice && field.Len() == 0 {
		return d.missing(path)
	}
	for field.Kind() == reflect.Pointer {
		field = field.Elem()
	}
	if field.Kind() == reflect.Slice {
		return d.checkList(tag, field, path)
	}
	if enum := tag.Get("enum"); enum != "" {
		allowed := strings.Split(enum, ",")
		return d.checkEnum(field, path, allowed)
	}
	if bounds := tag.Get("range"); bounds != "" {
		return d.checkRange(field, path, bounds)
	}
	return nil
}

// checkList applies the rules of a list: range to its length, enum to its members.
func (d Dialect) checkList(tag reflect.StructTag, list reflect.Value, path string) error {
	if bounds := tag.Get("range"); bounds != "" {
		low, high := limits(path, bounds)
		if n := list.Len(); n < low || n > high {
			return d.constraint(fmt.Sprintf("%d members", n), path, fmt.Sprintf("Member must have length from %d to %d", low, high))
		}
	}
	if enum := tag.Get("enum"); enum != "" {
		for i := range list.Len() {
			if err := d.checkEnum(list.Index(i), path, strings.Split(enum, ",")); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d Dialect) checkEnum(field reflect.Value, path string, allowed []string) error {
	for _, value := range allowed {
		if field.String() == value {
			return nil
		}
	}
	return d.constraint(field.String(), path,
		"Member must satisfy enum value set: ["+strings.Join(allowed, ", ")+"]")
}

func (d Dialect) checkRange(field reflect.Value, path, bounds string) error {
	low, high := limits(path, bounds)
	if field.Kind() == reflect.String {
		switch length := len(field.String()); {
		case length < low:
			return d.constraint(field.String(), path, fmt.Sprintf("Member must have length greater than or equal to %d", low))
		case length > high:
			return d.constraint(field.String(), path, fmt.Sprintf("Member must have length less than or equal to %d", high))
		}
		return nil
	}
	switch value := int(field.Int()); {
	case value < low:
		return d.constraint(strconv.Itoa(value), path, fmt.Sprintf("Member must have value greater than or equal to %d", low))
	case value > high:
		return d.constraint(strconv.Itoa(value), path, fmt.Sprintf("Member must have value less than or equal to %d", high))
	}
	return nil
}

func limits(path, bounds string) (low, high int) {
	lowText, highText, _ := strings.Cut(bounds, ",")
	low, lowErr := strconv.Atoi(lowText)
	high, highErr := strconv.Atoi(highText)
	if lowErr != nil || highErr != nil {
		panic("wire: bad range tag on " + path + ": " + bounds)
	}
	return low, high
}

// constraint is the sentence with which AWS refuses a value before the service itself sees it.
func (d Dialect) constraint(value, path, rule string) error {
	return Errorf(d.Invalid, "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s",
		value, lowerFirst(path), rule)
}

func (d Dialect) missing(path string) error {
	if d.Missing == d.Invalid {
		return Errorf(d.Missing, "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null",
			lowerFirst(path))
	}
	return Errorf(d.Missing, "The request must contain the parameter %s", path)
}

func (d Dialect) malformed(path, value, kind string) error {
	return Errorf(d.Invalid, "Value (%s) for parameter %s is invalid: it must be %s", value, path, kind)
}

func (d Dialect) unknownParameter(path string) error {
	return Errorf(d.Unknown, "The parameter %s is not recognized or not supported", path)
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
