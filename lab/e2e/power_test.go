package e2e

import (
	"testing"
)

// A node without power takes its containers along, and gives them back.
func TestNodeLosesItsPower(t *testing.T) {
	t.Parallel()
	s := newSceneIn(t, startLab(t, "--nodes=1", "--controller=false", "--injection=none"))
	s.apply(`
	apiVersion: v1
	kind: Pod
	metadata: {name: web, labels: {app: web}}
	spec:
	  containers: [{name: web, image: sluice.lab/web, ports: [{containerPort: 8080}]}]
	`)
	s.eventually("the Pod is Ready", func() bool { return s.ready("app=web") == 1 })
	url := "http://" + s.pods("app=web")[0].Status.PodIP + ":8080/"
	answers := func() bool { _, err := get(url); return err == nil }
	if !answers() {
		t.Fatal("the Pod does not answer before")
	}
	s.kubectl("annotate", "node", "node-1", "lab.sluice.dev/power=off")
	s.eventually("it answers no more", func() bool { return !answers() })
	if s.ready("app=web") != 1 {
		t.Error("the API server has heard of it from a kubelet that is cut off")
	}
	s.kubectl("annotate", "node", "node-1", "lab.sluice.dev/power-")
	s.eventually("it answers again, in another container", func() bool {
		return answers() && s.pods("app=web")[0].Status.ContainerStatuses[0].RestartCount > 0
	})
}
