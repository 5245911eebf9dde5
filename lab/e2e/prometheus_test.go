package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// prometheus is a real one that scrapes once a second and evaluates the alerts of the chart.
type prometheus struct {
	t     *testing.T
	url   string
	began time.Time
}

// startPrometheus scrapes these addresses, by job, until the test ends.
func startPrometheus(t *testing.T, jobs map[string][]string) *prometheus {
	t.Helper()
	binary, err := exec.LookPath("prometheus")
	if err != nil {
		if binary, err = filepath.Abs("../../bin/prometheus"); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(binary); err != nil {
			t.Fatal("prometheus is neither on PATH nor in bin: run `make bin/promtool`")
		}
	}
	rules, err := filepath.Abs("../../charts/sluice/files/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var config strings.Builder
	fmt.Fprintf(&config, "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [%q]\nscrape_configs:\n", rules)
	for job, addresses := range jobs {
		fmt.Fprintf(&config, "- {job_name: %q, honor_labels: true, static_configs: [{targets: [%s]}]}\n", job, strings.Join(addresses, ", "))
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	command := exec.Command(binary, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=warn")
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
	})
	p := &prometheus{t: t, url: "http://" + address, began: time.Now()}
	eventually(t, "Prometheus is ready", func() bool {
		response, err := http.Get(p.url + "/-/ready")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return p
}

// ask reads an answer of Prometheus' API.
func (p *prometheus) ask(path string, parameters url.Values, into any) {
	p.t.Helper()
	response, err := http.Get(p.url + path + "?" + parameters.Encode())
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		p.t.Fatal(err)
	}
	if answer.Status != "success" {
		p.t.Fatalf("%s %s: %s", path, parameters.Encode(), answer.Error)
	}
	if err := json.Unmarshal(answer.Data, into); err != nil {
		p.t.Fatal(err)
	}
}

// series is one line of a graph.
type series struct {
	Metric map[string]string
	Values [][2]any // seconds since 1970, and the value as text
}

// history is what a query would have answered each second since Prometheus was started.
func (p *prometheus) history(query string) []series {
	p.t.Helper()
	var data struct{ Result []series }
	p.ask("/api/v1/query_range", url.Values{
		"query": {query}, "step": {"1"},
		"start": {strconv.FormatInt(p.began.Unix(), 10)}, "end": {strconv.FormatInt(time.Now().Unix(), 10)},
	}, &data)
	return data.Result
}

// tells reports whether a query has ever answered with a number.
func (p *prometheus) tells(query string) bool {
	p.t.Helper()
	for _, line := range p.history(query) {
		for _, value := range line.Values {
			if number, err := strconv.ParseFloat(value[1].(string), 64); err == nil && !math.IsNaN(number) && !math.IsInf(number, 0) {
				return true
			}
		}
	}
	return false
}

// alertNow is an alert that is pending or firing.
type alertNow struct {
	Labels, Annotations map[string]string
	State               string
}

// alerts with this name.
func (p *prometheus) alerts(name string) (found []alertNow) {
	p.t.Helper()
	var data struct{ Alerts []alertNow }
	p.ask("/api/v1/alerts", nil, &data)
	for _, one := range data.Alerts {
		if one.Labels["alertname"] == name {
			found = append(found, one)
		}
	}
	return found
}

// startKubeState serves what the alerts ask of kube-state-metrics, as its documentation says that it does
// (docs/metrics/workload/pod-metrics.md, version 2): it cannot be had as a Go module. A series of a condition is
// there only while the Pod has that, container_ready_time only while it is met, and times are whole seconds.
func startKubeState(t *testing.T, client kubernetes.Interface) (address string) {
	t.Helper()
	address = freeAddress(t)
	server := &http.Server{Addr: address, ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pods, err := client.CoreV1().Pods("").List(r.Context(), metav1.ListOptions{})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		for _, pod := range pods.Items {
			fmt.Fprint(w, kubeState(pod))
		}
	})}
	go func() { _ = server.ListenAndServe() }() // until it is closed
	t.Cleanup(func() { server.Close() })
	return address
}

func kubeState(pod corev1.Pod) string {
	var out strings.Builder
	write := func(metric, labels string, value int64) {
		fmt.Fprintf(&out, "%s{namespace=%q,pod=%q,uid=%q%s} %d\n", metric, pod.Namespace, pod.Name, pod.UID, labels, value)
	}
	for _, owner := range pod.OwnerReferences {
		isController := owner.Controller != nil && *owner.Controller
		write("kube_pod_owner", fmt.Sprintf(",owner_kind=%q,owner_name=%q,owner_is_controller=%q", owner.Kind, owner.Name, strconv.FormatBool(isController)), 1)
	}
	if pod.DeletionTimestamp != nil {
		write("kube_pod_deletion_timestamp", "", pod.DeletionTimestamp.Unix())
	}
	for _, c := range pod.Status.Conditions {
		switch {
		case c.Type == corev1.ContainersReady && c.Status == corev1.ConditionTrue:
			write("kube_pod_status_container_ready_time", "", c.LastTransitionTime.Unix())
		case c.Type == corev1.PodReady:
			for _, status := range []corev1.ConditionStatus{corev1.ConditionTrue, corev1.ConditionFalse, corev1.ConditionUnknown} {
				value := int64(0)
				if c.Status == status {
					value = 1
				}
				write("kube_pod_status_ready", fmt.Sprintf(",condition=%q", strings.ToLower(string(status))), value)
			}
		}
	}
	return out.String()
}

// metricsOf is where a process of the lab serves its metrics, as its own command line says.
func metricsOf(t *testing.T, pidFile string) string {
	t.Helper()
	pid, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	line, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for argument := range strings.SplitSeq(string(line), "\x00") {
		if address, found := strings.CutPrefix(argument, "--metrics-bind-addr="); found {
			return address
		}
	}
	t.Fatalf("the process has no --metrics-bind-addr: %q", line)
	return ""
}
