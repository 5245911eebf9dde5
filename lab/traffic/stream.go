package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/sluice-lb/sluice/lab/program"
)

const (
	messageEvery = 500 * time.Millisecond
	messages     = int(StreamLasts / messageEvery)
)

// converse says a word now and then, and hears each back, until a stream has lasted its time.
func converse(ctx context.Context, say func(word string) error, hear func() (string, error)) (failure string) {
	for i := range messages {
		word := strconv.Itoa(i)
		if err := say(word); err != nil {
			return "cut: " + reasonOf(err)
		}
		back, err := hear()
		if err != nil {
			return "cut: " + reasonOf(err)
		}
		if back != word {
			return "another answer"
		}
		select {
		case <-time.After(messageEvery):
		case <-ctx.Done():
			return "timeout"
		}
	}
	return ""
}

// calls are gRPC streams over a few connections, as many clients would have.
type calls struct {
	connections [4]*grpc.ClientConn
	turn        atomic.Uint32
}

func newCalls(p Place) *calls {
	c := &calls{}
	for i := range c.connections {
		conn, err := grpc.NewClient("passthrough:///"+p.GRPCHost,
			grpc.WithTransportCredentials(credentials.NewTLS(anyCertificate())), grpc.WithAuthority(p.GRPCHost), grpc.WithDisableRetry(),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return to(p.Secure)(ctx, "", "") }))
		if err != nil {
			panic("a passthrough target and these options are always right: " + err.Error())
		}
		c.connections[i] = conn
	}
	return c
}

func (c *calls) close() {
	for _, conn := range c.connections {
		conn.Close()
	}
}

func (c *calls) stream(ctx context.Context) (failure string) {
	conn := c.connections[int(c.turn.Add(1))%len(c.connections)]
	stream, err := conn.NewStream(ctx, &program.TalkStream, program.Talk)
	if err != nil {
		return codeOf(err)
	}
	failure = converse(ctx, func(word string) error { return grpcError(stream.SendMsg(wrapperspb.String(word))) }, func() (string, error) {
		var back wrapperspb.StringValue
		err := stream.RecvMsg(&back)
		return back.Value, grpcError(err)
	})
	if failure != "" {
		return failure
	}
	if err := stream.CloseSend(); err != nil {
		return codeOf(err)
	}
	if err := stream.RecvMsg(new(wrapperspb.StringValue)); !errors.Is(err, io.EOF) { // io.EOF is status OK
		return codeOf(err)
	}
	return ""
}

func codeOf(err error) string { return "gRPC " + status.Code(err).String() }

func grpcError(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return errors.New(codeOf(err))
}

// sockets are WebSockets, each over a connection of its own.
type sockets struct {
	dialer websocket.Dialer
	url    string
}

func newSockets(p Place) *sockets {
	return &sockets{url: "ws://" + p.PlainHost + "/", dialer: websocket.Dialer{NetDialContext: to(p.Plain)}}
}

func (s *sockets) stream(ctx context.Context) (failure string) {
	conn, answer, err := s.dialer.DialContext(ctx, s.url, nil)
	if answer != nil {
		answer.Body.Close()
	}
	if err != nil && answer != nil && answer.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Sprintf("status %d", answer.StatusCode)
	}
	if err != nil {
		return reasonOf(err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetReadDeadline(deadline) // of a connection that is open; else the first word fails
	failure = converse(ctx, func(word string) error { return conn.WriteMessage(websocket.TextMessage, []byte(word)) }, func() (string, error) {
		_, back, err := conn.ReadMessage()
		return string(back), err
	})
	if failure != "" {
		return failure
	}
	goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	if err := conn.WriteMessage(websocket.CloseMessage, goodbye); err != nil {
		return "cut: " + reasonOf(err)
	}
	if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		return "cut: " + reasonOf(err)
	}
	return ""
}
