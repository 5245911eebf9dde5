package program

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func TestTalksGRPC(t *testing.T) {
	t.Parallel()
	url, _ := started(t, &Process{Image: "sluice.lab/web"})
	conn, err := grpc.NewClient("passthrough:///"+strings.TrimPrefix(url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if answer, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil || answer.Status != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", answer, err)
	}
	stream, err := conn.NewStream(t.Context(), &TalkStream, Talk)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"one", "two"} {
		var back wrapperspb.StringValue
		if err := errors.Join(stream.SendMsg(wrapperspb.String(word)), stream.RecvMsg(&back)); err != nil || back.Value != word {
			t.Fatalf("sent %q, got %q, %v", word, back.Value, err)
		}
	}
	if err := errors.Join(stream.CloseSend(), stream.RecvMsg(new(wrapperspb.StringValue))); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

// What SIGTERM does to a WebSocket is what it does to a request that is under way.
func TestTalksByWebSocket(t *testing.T) {
	t.Parallel()
	for mode, finishes := range map[string]bool{"finish": true, "stop": false} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			process := &Process{Image: "sluice.lab/web", Env: map[string]string{"ON_SIGTERM": mode}}
			url, ended := started(t, process)
			conn, answer, err := websocket.DefaultDialer.DialContext(t.Context(), strings.Replace(url, "http", "ws", 1), nil)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			defer conn.Close()
			speak := func() error {
				if err := conn.WriteMessage(websocket.TextMessage, []byte("hello")); err != nil {
					return err
				}
				_, back, err := conn.ReadMessage()
				if err == nil && string(back) != "hello" {
					t.Errorf("got %q", back)
				}
				return err
			}
			if err := speak(); err != nil {
				t.Fatal(err)
			}
			process.Terminate()
			time.Sleep(200 * time.Millisecond)
			if err := speak(); (err == nil) != finishes {
				t.Errorf("after SIGTERM: %v", err)
			}
			conn.Close()
			select {
			case <-ended:
			case <-time.After(5 * time.Second):
				t.Error("the program is still there")
			}
		})
	}
}
