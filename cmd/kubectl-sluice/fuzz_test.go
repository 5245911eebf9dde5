package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/model"
)

// FuzzManifests: whatever a file holds, it is an error or objects, of which each Ingress can be
// linted and planned for, twice with the same outcome.
func FuzzManifests(f *testing.F) {
	cases, err := filepath.Glob("../../internal/build/ingress/testdata/class-*.in.yaml")
	if err != nil || len(cases) == 0 {
		f.Fatalf("no manifests to begin with: %v", err)
	}
	for _, file := range cases {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		text, _, _ = bytes.Cut(text, []byte("\n---\nkind: Cluster"))
		f.Add(text)
	}
	f.Add([]byte(`{"kind":"List","apiVersion":"v1","items":[{"kind":"Ingress","apiVersion":"networking.k8s.io/v1"}]}`))
	f.Add([]byte("kind: Deployment\napiVersion: apps/v1\nspec: {template: {metadata: {annotations: {sluice.dev/drain: 1}}}}"))
	f.Add([]byte("---\n---\n- a"))
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := manifests([]string{"-"}, bytes.NewReader(text))
		if err != nil {
			return
		}
		_ = lint(t.Context(), nil, []string{"-"}, bytes.NewReader(text), io.Discard)
		var all objects
		if _, _, err := all.overlay(found, "shop"); err != nil {
			return
		}
		cluster := all.cluster(settings{})
		stacks, _ := ingress.Memberships(cluster.Classes, cluster.Ingresses, cluster.Services)
		for _, m := range stacks {
			snapshot := ingress.Snapshot{
				Config: build.Config{Cluster: "prod", DefaultScheme: model.Internal, DefaultTargetType: "ip"}, ID: m.ID, Members: m.Members, Leaving: len(m.Leaving) > 0,
				Network: model.Network{VPC: "vpc-1", Subnets: []model.Subnet{{ID: "subnet-a", Zone: "a", FreeAddresses: 9}, {ID: "subnet-b", Zone: "b", FreeAddresses: 9}}},
			}
			ingress.Needed(m.Members, snapshot.Config)
			if first, second := ingress.Stack(snapshot), ingress.Stack(snapshot); !reflect.DeepEqual(first, second) {
				t.Errorf("stack %s is built in two ways", m.ID)
			}
		}
	})
}
