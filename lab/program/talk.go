package program

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Talk is a gRPC method of every web program: a stream both ways, in which each message (google.protobuf.StringValue) is
// answered with itself. The health protocol (grpc.health.v1) is served beside it.
const Talk = "/sluice.lab.Echo/Talk"

// TalkStream is what a client needs to know of Talk.
var TalkStream = grpc.StreamDesc{StreamName: "Talk", ClientStreams: true, ServerStreams: true}

// newRPC serves on the same ports as everything else, so it has no listener of its own.
func newRPC() *grpc.Server {
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	talk := TalkStream
	talk.Handler = func(_ any, stream grpc.ServerStream) error { return echoStream(stream) }
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "sluice.lab.Echo", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{talk}}, nil)
	return server
}

func echoStream(stream grpc.ServerStream) error {
	for {
		var message wrapperspb.StringValue
		if err := stream.RecvMsg(&message); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
}

// sockets are the WebSockets of a program. An HTTP server knows nothing of connections that were upgraded.
type sockets struct {
	mu    sync.Mutex
	open  map[*websocket.Conn]struct{}
	count sync.WaitGroup
}

func isSocket(r *http.Request) bool { return strings.EqualFold(r.Header.Get("Upgrade"), "websocket") }

// serve answers each message with itself until the client closes.
func (s *sockets) serve(w http.ResponseWriter, r *http.Request) {
	s.count.Add(1) // before the upgrade: until then the server waits for the request
	defer s.count.Done()
	anybody := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := anybody.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	defer conn.Close()
	s.add(conn)
	defer s.remove(conn)
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil || conn.WriteMessage(kind, message) != nil {
			return
		}
	}
}

func (s *sockets) add(conn *websocket.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[conn] = struct{}{}
}

func (s *sockets) remove(conn *websocket.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, conn)
}

// finish waits for the clients to close; it is false when the context ends first.
func (s *sockets) finish(ctx context.Context) bool {
	gone := make(chan struct{})
	go func() {
		s.count.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return true
	case <-ctx.Done():
		return false
	}
}

// cut closes all, as the end of a process does.
func (s *sockets) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.open {
		conn.Close()
	}
}
