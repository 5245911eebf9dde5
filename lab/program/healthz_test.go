package program

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Checks and the endpoint itself are at the Pod's address, and SIGKILL frees the port at once, whatever passes.
func TestHealthzIsAtThePodsAddress(t *testing.T) {
	t.Parallel()
	app, _ := started(t, &Process{Image: "sluice.lab/web"})
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	process := &Process{
		Image: "sluice.lab/healthz:v1", Address: listener.Addr().(*net.TCPAddr).AddrPort().Addr().Unmap(),
		Args: []string{"--listen=" + strings.TrimPrefix(address, "127.0.0.1"), "--required=http://" + app[strings.LastIndex(app, ":"):]},
	}
	ended := make(chan Exit, 1)
	go func() { ended <- process.Run() }()
	t.Cleanup(process.Kill)
	var status int
	for range 100 {
		if answer, err := http.Get("http://" + address); err == nil {
			answer.Body.Close()
			status = answer.StatusCode
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if status != http.StatusOK {
		t.Errorf("it answers %d, want 200", status)
	}
	process.Terminate()
	select {
	case exit := <-ended:
		t.Errorf("it ended with %+v on SIGTERM, while what it checks is well", exit)
	case <-time.After(300 * time.Millisecond):
	}
	process.Kill()
	if exit := <-ended; exit != killed {
		t.Errorf("it ended with %+v on SIGKILL", exit)
	}
	again, err := net.Listen("tcp4", address)
	if err != nil {
		t.Fatalf("its port is not free: %v", err)
	}
	again.Close()
}

func TestHealthzSaysWhatIsWrongWithItsArguments(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	exit := (&Process{Image: "sluice.lab/healthz", Args: []string{"--required=ftp://:21"}, Output: &log}).Run()
	if exit.Code != 1 || !strings.Contains(log.String(), "--required=ftp://:21: ") {
		t.Errorf("ended with %+v, log %q", exit, log.String())
	}
}
