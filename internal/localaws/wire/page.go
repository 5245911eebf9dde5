package wire

import (
	"encoding/base64"
	"encoding/xml"
	"strconv"
	"strings"
)

// Page cuts a page out of items, which order numbers in ascending order. The token names the last item of the page
// before, not an offset, so that objects that come and go between two pages hide no other.
func Page[T any](items []T, token string, size int, order func(T) int) (page []T, next string, err error) {
	after := -1
	if token != "" {
		if after, err = parseToken(token); err != nil {
			return nil, "", err
		}
	}
	for i, item := range items {
		if order(item) <= after {
			continue
		}
		if rest := items[i:]; len(rest) > size {
			return rest[:size], formToken(order(rest[size-1])), nil
		}
		return items[i:], "", nil
	}
	return nil, "", nil
}

const tokenPrefix = "after-"

func formToken(last int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(tokenPrefix + strconv.Itoa(last)))
}

func parseToken(token string) (int, error) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimPrefix(string(text), tokenPrefix))
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder never fails
	return b.String()
}
