// Package wire speaks the query and JSON protocols of AWS: calls come as an HTML form and answers go as XML, or both are
// JSON.
//
// A service is a table from operation names to functions of typed structs:
//
//	wire.Service{Dialect: wire.ELBv2, Operations: map[string]wire.Operation{
//		"DescribeTags": wire.Op(s.describeTags), // func(describeTagsInput) (describeTagsOutput, error)
//	}}
//
// Inputs are filled by field name (or the tag `form:"…"`) and checked by the tags required, enum and range;
// outputs are encoded by encoding/xml. A parameter that no field takes is an error, never ignored. Signatures are
// not verified. The package knows no operation and keeps no state.
package wire

import (
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
)

// Dialect is how one AWS service writes lists, answers and errors.
type Dialect struct {
	Namespace string // of the answer's XML
	ListStep  string // what stands between a list's name and a member's number
	EC2       bool   // the answer's shape: EC2 has no Result element, and another error document
	Target    string // of a JSON protocol: what stands before the operation in X-Amz-Target; such a service has no XML

	Invalid, Missing, Unknown string // error codes for a wrong, an absent, and an unknown parameter
}

// The dialects of the services that are there.
// Codes: "Common Errors" of the Elastic Load Balancing API reference, "Error codes" of the EC2 API reference.
var (
	ELBv2 = Dialect{
		Namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/", ListStep: "member",
		Invalid: "ValidationError", Missing: "ValidationError", Unknown: "ValidationError",
	}
	STS = Dialect{
		Namespace: "https://sts.amazonaws.com/doc/2011-06-15/", ListStep: "member",
		Invalid: "ValidationError", Missing: "ValidationError", Unknown: "ValidationError",
	}
	IAM = Dialect{
		Namespace: "https://iam.amazonaws.com/doc/2010-05-08/", ListStep: "member",
		Invalid: "ValidationError", Missing: "ValidationError", Unknown: "ValidationError",
	}
	EC2 = Dialect{
		Namespace: "http://ec2.amazonaws.com/doc/2016-11-15/", EC2: true,
		Invalid: "InvalidParameterValue", Missing: "MissingParameter", Unknown: "UnknownParameter",
	}
)

// JSON is the dialect of a service with the JSON 1.1 protocol and its code for a parameter that is wrong.
func JSON(target, invalid string) Dialect {
	return Dialect{Target: target, Invalid: invalid, Missing: invalid, Unknown: invalid}
}

// Service is the operations of one AWS service.
type Service struct {
	Dialect    Dialect
	Operations map[string]Operation
}

// Operation decodes a call's parameters, runs it, and returns the value to encode.
type Operation func(d Dialect, form url.Values) (any, error)

// Op makes an Operation of a function of typed values.
func Op[In, Out any](run func(In) (Out, error)) Operation {
	return func(d Dialect, form url.Values) (any, error) {
		var in In
		if err := Decode(d, form, &in); err != nil {
			return nil, err
		}
		return run(in)
	}
}

// Call runs one operation. One that is not there is an error: an empty success would be a lie.
func (s Service) Call(name string, form url.Values) (any, error) {
	run, ok := s.Operations[name]
	if !ok && s.Dialect.Target != "" {
		return nil, Errorf("UnknownOperationException", "The local AWS has no operation %s.%s", s.Dialect.Target, name)
	}
	if !ok {
		return nil, Errorf("InvalidAction", "Could not find operation %s for version %s", name, form.Get("Version"))
	}
	return run(s.Dialect, form)
}

// Empty is the output of an operation that answers with nothing.
type Empty struct{}

// Map is a map in the query protocol: entries with a key and a value.
type Map map[string]string

// MarshalXML writes the entries in the order of their keys.
func (m Map) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	type entry struct {
		Key   string `xml:"key"`
		Value string `xml:"value"`
	}
	var entries []entry
	for _, key := range slices.Sorted(maps.Keys(m)) {
		entries = append(entries, entry{key, m[key]})
	}
	return e.EncodeElement(struct {
		Entries []entry `xml:"entry"`
	}{entries}, start)
}

// Error is an error that the API documents.
type Error struct {
	Status  int // of HTTP; 0 means 400
	Code    string
	Message string
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Errorf makes an error of a code with status 400, as nearly all are.
func Errorf(code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Respond writes the answer of an operation.
func (d Dialect) Respond(w http.ResponseWriter, operation, requestID string, out any) error {
	if d.Target != "" {
		return d.respondJSON(w, operation, out)
	}
	inner, err := innerXML(out)
	if err != nil {
		return fmt.Errorf("encoding the answer of %s: %w", operation, err)
	}
	if d.EC2 {
		return write(w, http.StatusOK, fmt.Sprintf(`<%[1]sResponse xmlns="%[2]s"><requestId>%[3]s</requestId>%[4]s</%[1]sResponse>`,
			operation, d.Namespace, requestID, inner))
	}
	return write(w, http.StatusOK, fmt.Sprintf(
		`<%[1]sResponse xmlns="%[2]s"><%[1]sResult>%[4]s</%[1]sResult><ResponseMetadata><RequestId>%[3]s</RequestId></ResponseMetadata></%[1]sResponse>`,
		operation, d.Namespace, requestID, inner))
}

// Refuse writes an error.
func (d Dialect) Refuse(w http.ResponseWriter, requestID string, e *Error) error {
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	if d.Target != "" {
		return d.refuseJSON(w, status, e)
	}
	if d.EC2 {
		return write(w, status, fmt.Sprintf(
			`<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>%s</RequestID></Response>`,
			escape(e.Code), escape(e.Message), requestID))
	}
	kind := "Sender"
	if status >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	return write(w, status, fmt.Sprintf(
		`<ErrorResponse xmlns="%s"><Error><Type>%s</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>`,
		d.Namespace, kind, escape(e.Code), escape(e.Message), requestID))
}

func write(w http.ResponseWriter, status int, body string) error {
	return writeAs(w, status, "text/xml", xml.Header+body)
}

func writeAs(w http.ResponseWriter, status int, contentType, body string) error {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, err := w.Write([]byte(body))
	return err
}

// innerXML encodes the fields of a struct without an element around them.
func innerXML(out any) ([]byte, error) {
	const open, end = "<x>", "</x>"
	encoded, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"x"`
		Out     any      `xml:"y"`
	}{Out: out})
	if err != nil {
		return nil, err
	}
	const skip = len(open) + len("<y>")
	return encoded[skip : len(encoded)-skip-len("//")], nil
}
