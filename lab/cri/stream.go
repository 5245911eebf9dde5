package cri

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-streaming/pkg/streaming"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	"k8s.io/klog/v2"
)

// startStreaming serves kubectl exec and port-forward. The server puts its address into the URLs
// that it gives out, so the socket comes first.
func (r *Runtime) startStreaming() error {
	listener, err := net.Listen("tcp4", net.JoinHostPort(r.config.Address.String(), "0"))
	if err != nil {
		return fmt.Errorf("starting the streaming server of %s: %w", r.config.Node, err)
	}
	config := streaming.DefaultConfig
	config.Addr = listener.Addr().String()
	config.BaseURL = &url.URL{Scheme: "http", Host: config.Addr, Path: "/cri/"}
	if r.streams, err = streaming.NewServer(config, streams{r}); err != nil {
		return err
	}
	server := &http.Server{Handler: r.streams, ReadHeaderTimeout: time.Minute}
	go func() { klog.ErrorS(server.Serve(listener), "the streaming server ended", "node", r.config.Node) }()
	return nil
}

// ExecSync implements the runtime service: exec probes and preStop hooks.
func (r *Runtime) ExecSync(ctx context.Context, id string, command []string, timeout time.Duration) ([]byte, []byte, error) {
	c, err := r.find(id)
	if err != nil {
		return nil, nil, err
	}
	process := c.alive()
	if process == nil {
		return nil, nil, fmt.Errorf("container %s is not running", id)
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	result := process.Exec(ctx, command)
	if result.Code != 0 {
		err = exitStatus(result.Code)
	}
	return []byte(result.Stdout), []byte(result.Stderr), err
}

// exitStatus is an error that the kubelet recognizes as "the command ran and said no".
type exitStatus int

func (e exitStatus) Error() string {
	return fmt.Sprintf("command terminated with exit code %d", int(e))
}
func (e exitStatus) String() string  { return e.Error() }
func (e exitStatus) Exited() bool    { return true }
func (e exitStatus) ExitStatus() int { return int(e) }

// Exec implements the runtime service.
func (r *Runtime) Exec(_ context.Context, request *runtimeapi.ExecRequest) (*runtimeapi.ExecResponse, error) {
	return r.streams.GetExec(request)
}

// Attach implements the runtime service.
func (r *Runtime) Attach(_ context.Context, request *runtimeapi.AttachRequest) (*runtimeapi.AttachResponse, error) {
	return r.streams.GetAttach(request)
}

// PortForward implements the runtime service.
func (r *Runtime) PortForward(_ context.Context, request *runtimeapi.PortForwardRequest) (*runtimeapi.PortForwardResponse, error) {
	return r.streams.GetPortForward(request)
}

// streams is the far end of the streaming server.
type streams struct{ runtime *Runtime }

//nolint:revive // the signature is the interface's
func (s streams) Exec(ctx context.Context, id string, command []string, _ io.Reader, stdout, stderr io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize) error {
	out, complaints, err := s.runtime.ExecSync(ctx, id, command, 0)
	if failed := errors.Join(write(stdout, out), write(stderr, complaints)); failed != nil {
		return failed
	}
	return err // as it is: the server looks for an exit status and does not unwrap
}

func (s streams) Attach(context.Context, string, io.Reader, io.WriteCloser, io.WriteCloser, bool, <-chan remotecommand.TerminalSize) error {
	return errors.New("the lab's containers have no terminal to attach to; see kubectl logs")
}

func (s streams) PortForward(ctx context.Context, sandboxID string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	box, err := s.runtime.findSandbox(sandboxID)
	if err != nil {
		return err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp4", net.JoinHostPort(box.address.String(), strconv.Itoa(int(port))))
	if err != nil {
		return err
	}
	defer conn.Close()
	done := make(chan error, 2)
	go func() {
		_, err := io.Copy(conn, stream)
		done <- errors.Join(err, conn.(*net.TCPConn).CloseWrite())
	}()
	go func() {
		_, err := io.Copy(stream, conn)
		done <- err
	}()
	return <-done
}

func write(to io.Writer, text []byte) error {
	if to == nil || len(text) == 0 {
		return nil
	}
	_, err := to.Write(text)
	return err
}
