package simulation

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// link is what is between the SDK and AWS: it takes time, and answers get lost on it.
type link struct {
	world *world
	calls atomic.Int64
}

var errLine = errors.New("connection reset by peer")

// Do carries one call.
func (l *link) Do(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	operation, number := form.Get("Action"), l.calls.Add(1)
	w := l.world
	w.oracle.called(operation, form)
	there := w.dice.between(5*time.Millisecond, 40*time.Millisecond, "call", operation, number)
	if !sleep(request.Context(), there) && w.dice.chance(0.5, "arrives", operation, number) {
		return nil, request.Context().Err()
	}
	answer := w.plant.call(operation, form, func() *http.Response {
		// What has arrived takes effect whether or not its sender is still there.
		return l.serve(request, form)
	})
	if !strings.HasPrefix(operation, "Describe") || answer != nil && answer.StatusCode != http.StatusOK {
		w.timeline.note("aws", "%s → %s", summary(operation, form), outcomeOf(answer))
	}
	if !sleep(request.Context(), w.dice.between(5*time.Millisecond, 40*time.Millisecond, "answer", operation, number)) {
		return nil, request.Context().Err()
	}
	if answer == nil {
		return nil, errLine
	}
	answer.Request = request
	return answer, nil
}

// serve is nil when the answer is lost.
func (l *link) serve(request *http.Request, form url.Values) *http.Response {
	arrived := request.Clone(request.Context())
	arrived.Body = io.NopCloser(strings.NewReader(form.Encode()))
	answer, err := l.world.aws.RoundTrip(arrived)
	if err != nil {
		return nil
	}
	return answer
}

func answerOf(status int, header http.Header, body []byte) *http.Response {
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: header, ContentLength: int64(len(body)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(bytes.NewReader(body)),
	}
}

func outcomeOf(answer *http.Response) string {
	switch {
	case answer == nil:
		return "answer lost"
	case answer.StatusCode == http.StatusOK:
		return "ok"
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(bytes.NewReader(body))
	_, rest, _ := strings.Cut(string(body), "<Code>")
	code, _, _ := strings.Cut(rest, "</Code>")
	return code
}

// summary is a call as the timeline shows it.
func summary(operation string, form url.Values) string {
	text := operation
	if group := form.Get("TargetGroupArn"); group != "" {
		text += " " + groupName(group)
	}
	for key, values := range form {
		if strings.HasPrefix(key, "Targets.") && strings.HasSuffix(key, ".Id") {
			text += " " + values[0]
		}
	}
	return text
}

func groupName(arn string) string {
	if parts := strings.Split(arn, "/"); len(parts) > 1 {
		return parts[1]
	}
	return arn
}
