package annotations

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// complaint is what a parser says of a text that it cannot read: a clause that follows the
// key and value, and what to write instead.
type complaint struct {
	what, remedy string
	// harmless: the value is read all the same, but for what the complaint is about.
	harmless bool
}

func (c complaint) about(key, value string) Finding {
	return Finding{
		Key: key, Value: value, Reason: ReasonInvalid, Fatal: !c.harmless,
		Message: fmt.Sprintf("annotation %s: %q %s", key, shortened(value), c.what),
		Remedy:  c.remedy,
	}
}

// shortened is as much of a value as tells which it is: an event holds 1,024 characters, and
// JSON can be longer.
func shortened(value string) string {
	const most = 120
	if utf8.RuneCountInString(value) <= most {
		return value
	}
	return string([]rune(value)[:most-1]) + "…"
}

func parseBool(text string) (bool, *complaint) {
	value, err := strconv.ParseBool(text)
	if err != nil {
		return false, &complaint{what: "is neither true nor false", remedy: `write "true" or "false"`}
	}
	return value, nil
}

func (k Key) parseInt32(text string) (int32, *complaint) {
	value, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, &complaint{what: "is not a whole number", remedy: "write " + k.range32()}
	}
	if k.Max != 0 && (int32(value) < k.Min || int32(value) > k.Max) {
		return 0, &complaint{what: "is out of bounds", remedy: "write " + k.range32()}
	}
	return int32(value), nil
}

func (k Key) range32() string {
	if k.Max == 0 {
		return "digits only, without a unit"
	}
	return fmt.Sprintf("a number from %d to %d, without a unit", k.Min, k.Max)
}

func parseStringList(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func parseCIDRList(text string) ([]string, *complaint) {
	items := parseStringList(text)
	for _, item := range items {
		if _, err := netip.ParsePrefix(item); err != nil {
			return nil, &complaint{
				what:   fmt.Sprintf("holds %q, which is not a range of addresses", item),
				remedy: `write ranges such as "10.0.0.0/8" or "2001:db8::/32", separated by commas`,
			}
		}
	}
	return items, nil
}

// parseStringMap splits at commas and then at the first "=" of each piece. A backslash takes
// the next byte as it is, so that a value can hold a comma. A comma at the very end belongs
// to the last value. Where a key is given twice, the last counts.
func parseStringMap(text string) (map[string]string, *complaint) {
	pairs := map[string]string{}
	if text == "" {
		return pairs, nil
	}
	for _, piece := range splitPairs(text) {
		key, value, found := strings.Cut(piece, "=")
		key = strings.TrimSpace(key)
		if !found || key == "" {
			return nil, &complaint{
				what:   fmt.Sprintf("holds %q, which is not key=value", piece),
				remedy: `write key=value pairs separated by commas; a comma inside a value is written \,`,
			}
		}
		pairs[key] = strings.TrimSpace(value)
	}
	return pairs, nil
}

func splitPairs(text string) []string {
	var pieces []string
	var piece strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			piece.WriteByte(text[i])
		case text[i] == ',' && i+1 < len(text):
			pieces = append(pieces, piece.String())
			piece.Reset()
		default:
			piece.WriteByte(text[i])
		}
	}
	return append(pieces, piece.String())
}

// ListenPort is one port that a load balancer listens on.
type ListenPort struct {
	Protocol string // "HTTP" or "HTTPS"
	Port     int32
}

const listenPortsRemedy = `write a list such as [{"HTTP": 80}]`

func parseListenPorts(text string) ([]ListenPort, *complaint) {
	var entries []map[string]int32
	if err := json.Unmarshal([]byte(text), &entries); err != nil {
		return nil, &complaint{what: "is not a list of ports in JSON", remedy: listenPortsRemedy}
	}
	protocols := map[int32]string{}
	for _, entry := range entries {
		for protocol, port := range entry {
			if wrong := addListenPort(protocols, protocol, port); wrong != nil {
				return nil, wrong
			}
		}
	}
	if len(protocols) == 0 {
		return nil, &complaint{what: "holds no port", remedy: listenPortsRemedy + ", or leave the annotation out"}
	}
	ports := make([]ListenPort, 0, len(protocols))
	for port, protocol := range protocols {
		ports = append(ports, ListenPort{Protocol: protocol, Port: port})
	}
	slices.SortFunc(ports, func(a, b ListenPort) int { return cmp.Compare(a.Port, b.Port) })
	return ports, nil
}

func addListenPort(protocols map[int32]string, protocol string, port int32) *complaint {
	switch other, taken := protocols[port]; {
	case protocol != "HTTP" && protocol != "HTTPS":
		return &complaint{what: "names a protocol that is neither HTTP nor HTTPS", remedy: listenPortsRemedy}
	case port < 1 || port > 65535:
		return &complaint{what: "holds a port outside 1 to 65535", remedy: listenPortsRemedy}
	case taken && other != protocol:
		return &complaint{what: fmt.Sprintf("gives port %d two protocols", port), remedy: "give each port one protocol"}
	}
	protocols[port] = protocol
	return nil
}

func parseDuration(text string) (time.Duration, *complaint) {
	value, err := time.ParseDuration(text)
	if err != nil || value < 0 {
		return 0, &complaint{what: "is not a duration", remedy: `write a number with a unit, such as "90s" or "5m"`}
	}
	return value, nil
}

// readJSON decodes a value into a struct or list of structs; the shape is an example of what
// would be right.
func readJSON(text string, into any, shape string) *complaint {
	err := json.Unmarshal([]byte(text), into)
	if err == nil {
		return nil
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return &complaint{what: fmt.Sprintf("has a value of type %s at %s", strings.Fields(wrong.Value)[0], wrong.Field), remedy: "mind what stands in quotes: write " + shape}
	}
	return &complaint{what: "is not JSON of the right form", remedy: "write " + shape + "; mind quotes and commas"}
}

func parseJSON(text string) (json.RawMessage, *complaint) {
	if !json.Valid([]byte(text)) {
		return nil, &complaint{what: "is not JSON", remedy: "see the reference page for the fields; mind quotes and commas"}
	}
	return json.RawMessage(text), nil
}
