package manifest

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func names(objects []*unstructured.Unstructured) []string {
	var all []string
	for _, object := range objects {
		all = append(all, nameOf(object))
	}
	return all
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"documents":      {"apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n# nothing\n---\napiVersion: v1\nkind: Service\nmetadata: {name: b, namespace: a}\n", []string{"Namespace a", "Service a/b"}},
		"list":           {"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: a}}\n- {apiVersion: v1, kind: Service, metadata: {name: b}}\n", []string{"Service a", "Service b"}},
		"json":           {`{"apiVersion":"v1","kind":"Service","metadata":{"name":"a"}}`, []string{"Service a"}},
		"leading-dashes": {"---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n", []string{"Service a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			objects, err := Decode([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, names(objects)); diff != "" {
				t.Errorf("objects (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeSaysWhichDocumentIsWrong(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no-kind": "apiVersion: v1\nkind: Service\n---\nhello: world\n",
		"no-yaml": "apiVersion: v1\nkind: Service\n---\n{\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Decode([]byte(text)); err == nil || !strings.Contains(err.Error(), "document 2") {
				t.Errorf("error: %v", err)
			}
		})
	}
}

func TestDecodeFoldersKeepsTheirOrder(t *testing.T) {
	t.Parallel()
	file := func(name string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("apiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\n")}
	}
	files := fstest.MapFS{"z/2.yaml": file("second"), "z/1.yaml": file("first"), "a/3.yaml": file("third"), "a/README.md": {Data: []byte("no")}}
	objects, err := DecodeFolders(files, []string{"z", "a"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Service first", "Service second", "Service third"}, names(objects)); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}
