package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
	"google.golang.org/grpc"
)

// Echo is the body of each answer.
type Echo struct {
	Method    string      `json:"method"`
	Host      string      `json:"host"`
	Path      string      `json:"path"`
	Query     string      `json:"query,omitempty"`
	Headers   http.Header `json:"headers"`
	Pod       string      `json:"pod"`
	Namespace string      `json:"namespace"`
	Node      string      `json:"node"`
	Address   string      `json:"address"`
	Version   string      `json:"version,omitempty"`
}

type handler struct {
	process *Process
	web     Web
	rpc     *grpc.Server
	sockets sockets

	mu    sync.Mutex
	paths map[string]Answer
}

// serve listens on all ports until the process is stopped.
func (p *Process) serve(web Web, ports []int) Exit {
	if exit, ok := p.wait(web.StartDelay); !ok {
		return exit
	}
	h := &handler{process: p, web: web, rpc: newRPC(), sockets: sockets{open: map[*websocket.Conn]struct{}{}}, paths: map[string]Answer{}}
	defer h.sockets.cut()
	maps.Copy(h.paths, web.Paths)
	servers, failures, err := h.listen(ports)
	defer closeAll(servers)
	if err != nil {
		p.print("%v", err)
		return failed(err)
	}
	var exit <-chan time.Time
	if web.ExitAfter > 0 {
		exit = time.After(web.ExitAfter)
	}
	select {
	case err := <-failures:
		return failed(err)
	case <-exit:
		p.print("exit %d, as EXIT asks", web.ExitCode)
		return Exit{Code: web.ExitCode, Reason: reasonOf(web.ExitCode), Message: "asked for by EXIT"}
	case <-p.kill:
		return killed
	case <-p.term:
	}
	return h.end(servers)
}

func (h *handler) listen(ports []int) ([]*http.Server, <-chan error, error) {
	var servers []*http.Server
	failures := make(chan error, len(ports))
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	for _, port := range ports {
		listener, err := net.Listen("tcp4", net.JoinHostPort(h.process.Address.String(), strconv.Itoa(port)))
		if err != nil {
			return servers, failures, explain(h.process.Address, port, err)
		}
		h.process.print("listening on %s", listener.Addr())
		server := &http.Server{Handler: h, Protocols: protocols, ReadHeaderTimeout: time.Minute}
		servers = append(servers, server)
		go func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				failures <- err
			}
		}()
	}
	return servers, failures, nil
}

// explain adds the two reasons that are the machine's and not the manifest's.
func explain(addr netip.Addr, port int, err error) error {
	switch {
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("listening on port %d: %w; let users have low ports (sysctl net.ipv4.ip_unprivileged_port_start=0) or declare a containerPort above 1023", port, err)
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listening on %s port %d: %w; another container of the Pod, or a program of this machine that listens on all addresses, has it", addr, port, err)
	}
	return err
}

// end is what happens after SIGTERM.
func (h *handler) end(servers []*http.Server) Exit {
	p, web := h.process, h.web
	switch web.OnTerm {
	case Stop:
		p.print("SIGTERM: stopping at once")
		return terminated
	case Serve:
		p.print("SIGTERM: serving on for %s", web.ServeOn)
		select {
		case <-time.After(web.ServeOn):
		case <-p.kill:
			return killed
		}
	case Finish:
		p.print("SIGTERM: finishing")
	}
	ctx, cancel := context.WithCancel(context.Background()) // SIGKILL is its deadline
	defer cancel()
	go func() {
		select {
		case <-p.kill:
			cancel()
		case <-ctx.Done():
		}
	}()
	for _, server := range servers {
		if server.Shutdown(ctx) != nil {
			return killed
		}
	}
	if !h.sockets.finish(ctx) {
		return killed
	}
	p.print("finished")
	return completed
}

// ServeHTTP speaks HTTP/1, HTTP/2, gRPC and WebSockets on every port.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		h.rpc.ServeHTTP(w, r)
		return
	}
	if isSocket(r) {
		h.sockets.serve(w, r)
		return
	}
	if r.URL.Path == "/-/paths" && r.Method == http.MethodPost {
		h.change(w, r)
		return
	}
	h.mu.Lock()
	answer, found := h.paths[r.URL.Path]
	h.mu.Unlock()
	if !found {
		answer.Status = http.StatusOK
	}
	if answer.Delay > 0 {
		select {
		case <-time.After(answer.Delay):
		case <-r.Context().Done():
			return
		}
	}
	if h.web.LogRequests && !strings.HasPrefix(r.UserAgent(), "kube-probe/") {
		h.process.print("%s %s%s %d", r.Method, r.Host, r.URL, answer.Status)
	}
	h.echo(w, r, answer.Status)
}

func (h *handler) echo(w http.ResponseWriter, r *http.Request, status int) {
	p := h.process
	body, err := json.Marshal(Echo{
		Method: r.Method, Host: r.Host, Path: r.URL.Path, Query: r.URL.RawQuery, Headers: r.Header,
		Pod: p.Pod, Namespace: p.Namespace, Node: p.Node, Address: p.Address.String(), Version: h.web.Version,
	})
	if err != nil { // an Echo holds nothing but strings
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // who has gone does not hear
}

func (h *handler) change(w http.ResponseWriter, r *http.Request) {
	rule := r.FormValue("path") + "=" + r.FormValue("answer")
	h.mu.Lock()
	defer h.mu.Unlock()
	changed := map[string]Answer{}
	if err := parsePath(rule, changed); err != nil {
		http.Error(w, err.Error()+"; want /-/paths?path=/ready&answer=503", http.StatusBadRequest)
		return
	}
	maps.Copy(h.paths, changed)
}

func closeAll(servers []*http.Server) {
	for _, server := range servers {
		server.Close()
	}
}

func reasonOf(code int) string {
	if code == 0 {
		return "Completed"
	}
	return "Error"
}
