package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Form reads the body of a call of a JSON protocol as if it had come as a form, so that one decoder, with one set of
// checks, serves both: {"Tags": [{"Key": "a"}]} is Tags.1.Key=a. A null is a parameter that is not there; an empty list
// or object is one with an empty value.
func Form(body io.Reader) (url.Values, error) {
	decoder := json.NewDecoder(body)
	decoder.UseNumber()
	var top any
	if err := decoder.Decode(&top); err != nil && !errors.Is(err, io.EOF) {
		return nil, Errorf("SerializationException", "The body is not JSON: %s", err)
	}
	form := url.Values{}
	switch top := top.(type) {
	case nil:
	case map[string]any:
		for name, value := range top {
			flatten(form, name, value)
		}
	default:
		return nil, Errorf("SerializationException", "The body is not a JSON object")
	}
	return form, nil
}

func flatten(form url.Values, path string, value any) {
	switch value := value.(type) {
	case nil:
	case map[string]any:
		if len(value) == 0 {
			form.Set(path, "")
		}
		for name, inner := range value {
			flatten(form, path+"."+name, inner)
		}
	case []any:
		if len(value) == 0 {
			form.Set(path, "")
		}
		for i, inner := range value {
			flatten(form, path+"."+strconv.Itoa(i+1), inner)
		}
	case bool:
		form.Set(path, strconv.FormatBool(value))
	case json.Number:
		form.Set(path, value.String())
	case string:
		form.Set(path, value)
	}
}

// Epoch is a time as the JSON protocols write it: seconds since 1970, with a fraction.
type Epoch time.Time

// MarshalJSON writes three digits of the fraction, as AWS does.
func (e Epoch) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(time.Time(e).UnixMilli())/1000, 'f', 3, 64), nil
}

// When is an Epoch that is left out when the time is zero.
func When(t time.Time) *Epoch {
	if t.IsZero() {
		return nil
	}
	return (*Epoch)(&t)
}

const jsonType = "application/x-amz-json-1.1"

func (d Dialect) respondJSON(w http.ResponseWriter, operation string, out any) error {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(out); err != nil {
		return fmt.Errorf("encoding the answer of %s: %w", operation, err)
	}
	return writeAs(w, http.StatusOK, jsonType, strings.TrimSuffix(body.String(), "\n"))
}

func (d Dialect) refuseJSON(w http.ResponseWriter, status int, e *Error) error {
	body, err := json.Marshal(map[string]string{"__type": e.Code, "message": e.Message})
	if err != nil {
		return fmt.Errorf("encoding an error: %w", err)
	}
	w.Header().Set("X-Amzn-Errortype", e.Code)
	return writeAs(w, status, jsonType, string(body))
}
