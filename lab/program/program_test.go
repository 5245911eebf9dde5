package program

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseWeb(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  map[string]string
		want Web
	}{
		"nothing": {nil, Web{Paths: map[string]Answer{}}},
		"everything": {
			map[string]string{
				"START_DELAY": "2s", "PATHS": "/ready=503, /slow=200:2s", "ON_SIGTERM": "serve:10s", "EXIT": "3:1m", "VERSION": "v2", "LOG_REQUESTS": "true",
			},
			Web{
				StartDelay: 2 * time.Second, Paths: map[string]Answer{"/ready": {Status: 503}, "/slow": {Status: 200, Delay: 2 * time.Second}},
				OnTerm: Serve, ServeOn: 10 * time.Second, ExitCode: 3, ExitAfter: time.Minute, Version: "v2", LogRequests: true,
			},
		},
		"stop": {map[string]string{"ON_SIGTERM": "stop"}, Web{Paths: map[string]Answer{}, OnTerm: Stop}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseWeb(c.env)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseWebNamesAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := ParseWeb(map[string]string{"START_DELAY": "soon", "PATHS": "/a=999,b=200", "ON_SIGTERM": "serve", "EXIT": "x"})
	if err == nil {
		t.Fatal("nothing was refused")
	}
	for _, want := range []string{"START_DELAY=soon", `"999"`, `"b=200"`, "ON_SIGTERM=serve", "EXIT=x"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not named in: %v", want, err)
		}
	}
}

func TestIsWeb(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]bool{
		"sluice.lab/web": true, "sluice.lab/web:v2": true, "sluice.lab/web@sha256:0123": true,
		"sluice.lab/web2": false, "nginx": false, "registry:5000/sluice.lab/web": false,
	} {
		if got := IsWeb(image); got != want {
			t.Errorf("%s: %v", image, got)
		}
	}
}

func TestUnknownImages(t *testing.T) {
	t.Parallel()
	t.Run("task-ends-after-a-second", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			exit := (&Process{Image: "busybox", Role: Task}).Run()
			if exit != completed || time.Since(start) != time.Second {
				t.Errorf("ended with %+v after %s", exit, time.Since(start))
			}
		})
	})
	t.Run("service-without-ports-waits-for-sigterm", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			process := &Process{Image: "worker", Role: Service}
			time.AfterFunc(time.Hour, process.Terminate)
			if exit := process.Run(); exit != completed {
				t.Errorf("ended with %+v", exit)
			}
		})
	})
}

// started runs a process on a free port and returns its address and how it ends.
func started(t *testing.T, process *Process) (string, <-chan Exit) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	process.Address, process.Ports = netip.MustParseAddr("127.0.0.1"), []int{port}
	ended := make(chan Exit, 1)
	go func() { ended <- process.Run() }()
	t.Cleanup(process.Kill)
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	for range 100 {
		if conn, err := net.Dial("tcp4", address); err == nil {
			conn.Close()
			return "http://" + address, ended
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the process does not listen")
	return "", nil
}

func get(t *testing.T, url string) (int, Echo) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var echo Echo
	if err := json.NewDecoder(response.Body).Decode(&echo); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, echo
}

func TestUnknownImageEchoesTheRequest(t *testing.T) {
	t.Parallel()
	url, _ := started(t, &Process{Image: "nginx:1.27", Role: Service, Pod: "web-1", Namespace: "shop", Node: "node-1"})
	status, echo := get(t, url+"/cart?item=7")
	echo.Headers, echo.Host, echo.Address = nil, "", ""
	want := Echo{Method: "GET", Path: "/cart", Query: "item=7", Pod: "web-1", Namespace: "shop", Node: "node-1"}
	if diff := cmp.Diff(want, echo); diff != "" || status != 200 {
		t.Errorf("status %d, echo (-want +got):\n%s", status, diff)
	}
}

func TestPathsCanBeChangedWhileItRuns(t *testing.T) {
	t.Parallel()
	url, _ := started(t, &Process{Image: "sluice.lab/web", Env: map[string]string{"PATHS": "/ready=503"}})
	if status, _ := get(t, url+"/ready"); status != 503 {
		t.Errorf("/ready answers %d before", status)
	}
	response, err := http.Post(url+"/-/paths?path=/ready&answer=200", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if status, _ := get(t, url+"/ready"); status != 200 {
		t.Errorf("/ready answers %d after", status)
	}
}

func TestOnSigterm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode     string
		finishes bool // the request that is under way
		exit     Exit
	}{
		"finish": {"finish", true, completed},
		"stop":   {"stop", false, terminated},
		"serve":  {"serve:200ms", true, completed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			process := &Process{Image: "sluice.lab/web", Env: map[string]string{"PATHS": "/slow=200:500ms", "ON_SIGTERM": c.mode}}
			url, ended := started(t, process)
			answered := make(chan error, 1)
			go func() {
				response, err := http.Get(url + "/slow")
				if err == nil {
					_, err = io.Copy(io.Discard, response.Body)
					response.Body.Close()
				}
				answered <- err
			}()
			time.Sleep(200 * time.Millisecond)
			process.Terminate()
			if err := <-answered; (err == nil) != c.finishes {
				t.Errorf("request under way: %v", err)
			}
			if exit := <-ended; exit != c.exit {
				t.Errorf("ended with %+v", exit)
			}
		})
	}
}

func TestExec(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	process := &Process{Env: map[string]string{"A": "1"}, Mounts: []Mount{{Path: "/etc/conf", HostPath: dir}}}
	for name, c := range map[string]struct {
		command []string
		want    Result
	}{
		"true":        {[]string{"/bin/true"}, Result{}},
		"false":       {[]string{"false"}, Result{Code: 1}},
		"env":         {[]string{"env"}, Result{Stdout: "A=1\n"}},
		"cat":         {[]string{"cat", "/etc/conf/key"}, Result{Stdout: "secret"}},
		"cat-outside": {[]string{"cat", "/etc/confidential"}, Result{Stderr: "cat: /etc/confidential: no such file\n", Code: 1}},
		"sleep":       {[]string{"sleep", "0.01"}, Result{}},
		"shell":       {[]string{"sh", "-c", `echo "a" && sleep 0.01; false`}, Result{Stdout: "a\n", Code: 1}},
		"shell-stops": {[]string{"sh", "-c", "false && echo a"}, Result{Code: 1}},
		"bad-sleep":   {[]string{"sleep", "x"}, Result{Stderr: "sleep: invalid time \"x\"\n", Code: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, process.Exec(t.Context(), c.command)); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKillEndsASleep(t *testing.T) {
	t.Parallel()
	process := &Process{}
	time.AfterFunc(20*time.Millisecond, process.Kill)
	if got := process.Exec(t.Context(), []string{"sleep", "60"}); got.Code != 137 {
		t.Errorf("sleep ended with %+v", got)
	}
}
