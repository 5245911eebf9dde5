// Package sluice_test holds the rules of the house as tests: which room may import which,
// what every package must have, and what none may be called. The design page gives the
// reasons. The table below also speaks of rooms that are still to be built.
package sluice_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/sluice-lb/sluice/"

// rooms says what of ours each room may import, besides itself and what lies inside it. The
// longest name that fits counts. Tests may import what they need.
var rooms = map[string][]string{
	"api":                  {},
	"config":               {},
	"internal/version":     {},
	"internal/model":       {},
	"internal/annotations": {},
	"internal/localaws":    {},
	"internal/healthz":     {},
	"internal/iam":         {},

	"internal/build":     {"api", "internal/annotations", "internal/model"},
	"internal/plan":      {"internal/model"},
	"internal/cloud":     {"internal/model", "internal/plan"},
	"internal/targets":   {"api", "internal/annotations", "internal/model"},
	"internal/health":    {"internal/model"},
	"internal/drain":     {"api", "internal/annotations", "internal/model"},
	"internal/readiness": {"api", "internal/annotations", "internal/health", "internal/model", "internal/targets"},
	"internal/admission": {"api", "config", "internal/annotations", "internal/drain", "internal/model", "internal/readiness"},
	"internal/diagnose": {
		"api", "internal/annotations", "internal/build", "internal/drain", "internal/health",
		"internal/model", "internal/plan", "internal/readiness", "internal/targets",
	},
	"internal/preview": {"api", "internal/build", "internal/cloud", "internal/model", "internal/plan"},
	"internal/retire":  {"internal/readiness"},
	"internal/controller": {
		"api", "config", "internal/admission", "internal/annotations", "internal/build", "internal/cloud", "internal/diagnose",
		"internal/drain", "internal/health", "internal/model", "internal/plan", "internal/preview", "internal/readiness",
		"internal/targets", "internal/version",
	},

	"cmd/sluice": {
		"api", "config", "internal/admission", "internal/annotations", "internal/build", "internal/cloud",
		"internal/controller", "internal/diagnose", "internal/drain", "internal/health", "internal/healthz", "internal/model",
		"internal/plan", "internal/readiness", "internal/retire", "internal/targets", "internal/version",
	},
	"cmd/sluice-healthz": {"internal/healthz"},
	// The plugin asks AWS with its user's own credentials, and only reads.
	"cmd/kubectl-sluice": {
		"api", "config", "internal/annotations", "internal/build", "internal/cloud", "internal/diagnose", "internal/model",
		"internal/plan", "internal/preview", "internal/readiness", "internal/retire", "internal/version",
	},

	// Assertions about AWS, whichever answers: they know nothing of ours.
	"test/awsconformance": {},
	// Everything is in its tests: of files that Prometheus reads.
	"test/alerts": {},
	// A table for the tests of policies and webhook.
	"test/admissioncases": {"api"},
	// Everything is in its tests, which import what they need.
	"test/simulation": {},
	// Files that must agree, and programs that must be static.
	"test/image": {},

	// The lab runs the controller as a process and knows none of its rooms. What runs in containers is goroutines of the
	// lab, composite health too.
	"lab": {"api", "config", "internal/healthz", "internal/iam", "internal/localaws", "internal/version", "test/awsconformance"},
}

// outsiders says who may import a module that shapes whoever imports it.
var outsiders = map[string][]string{
	"github.com/aws/aws-sdk-go-v2":             {"internal/cloud", "lab", "test/awsconformance"},
	"github.com/aws/smithy-go":                 {"internal/cloud", "lab", "test/awsconformance"},
	"github.com/open-policy-agent":             {"internal/admission"},
	"sigs.k8s.io/controller-runtime":           {"internal/admission", "internal/controller", "internal/drain", "internal/readiness", "internal/targets", "cmd/sluice"},
	"k8s.io/kubernetes":                        {"lab"},
	"google.golang.org/grpc":                   {"internal/healthz", "lab"},
	"github.com/stretchr/testify":              {},
	"github.com/pkg/errors":                    {},
	"sigs.k8s.io/aws-load-balancer-controller": {},
}

func TestRoomsImportOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		room := longestFit(p.dir, rooms)
		if room == "" {
			t.Errorf("%s: no rule for this room; say in the table what it may import", p.dir)
			continue
		}
		for _, imported := range p.imports {
			ours, isOurs := strings.CutPrefix(imported, module)
			if isOurs && !inside(ours, room) && !slices.ContainsFunc(rooms[room], func(r string) bool { return inside(ours, r) }) {
				t.Errorf("%s imports %s, and %s may not", p.dir, ours, room)
			}
		}
	}
}

func TestOutsidersStayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, imported := range p.imports {
			outsider := longestFit(imported, outsiders)
			if outsider != "" && !slices.ContainsFunc(outsiders[outsider], func(r string) bool { return inside(p.dir, r) }) {
				t.Errorf("%s imports %s, which belongs in %v only", p.dir, imported, outsiders[outsider])
			}
		}
	}
}

func TestEveryPackageHasAComment(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if !p.documented {
			t.Errorf("%s: no package comment: what comes in, what goes out, what it must not do", p.dir)
		}
	}
}

func TestNoPackageIsADrawer(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		for _, name := range []string{"util", "utils", "common", "helper", "helpers", "types", "shared", "misc"} {
			if p.name == name || path.Base(p.dir) == name {
				t.Errorf("%s: %q says nothing about what is inside", p.dir, name)
			}
		}
	}
}

func TestEveryToDoHasAnIssue(t *testing.T) {
	t.Parallel()
	without := regexp.MustCompile(`\bTO` + `DO\b(?:[^(]|\((?:[^#]|#[^0-9]))`)
	for _, file := range sources(t) {
		for number, line := range lines(t, file) {
			if without.Match(append(line, '\n')) {
				t.Errorf("%s:%d: write TO"+"DO(#123), or do it", file, number+1)
			}
		}
	}
}

func TestFilesFitInAHead(t *testing.T) {
	t.Parallel()
	const most = 600
	for _, file := range sources(t) {
		if strings.HasSuffix(file, "_test.go") || !strings.HasPrefix(file, "internal/") {
			continue
		}
		text := lines(t, file)
		if len(text) > most && !bytes.HasPrefix(text[0], []byte("// Code generated ")) {
			t.Errorf("%s has %d lines; above %d it is two files", file, len(text), most)
		}
	}
}

// pkg is what the rules look at: the files of a package without its tests.
type pkg struct {
	dir, name  string
	documented bool
	imports    []string
}

// packages are all packages of both modules, by folder.
func packages(t *testing.T) []pkg {
	t.Helper()
	byDir := map[string]*pkg{}
	for _, file := range sources(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		dir := path.Dir(file)
		if byDir[dir] == nil {
			byDir[dir] = &pkg{dir: dir, name: parsed.Name.Name}
		}
		byDir[dir].add(parsed)
	}
	found := make([]pkg, 0, len(byDir))
	for _, p := range byDir {
		found = append(found, *p)
	}
	slices.SortFunc(found, func(a, b pkg) int { return strings.Compare(a.dir, b.dir) })
	return found
}

func (p *pkg) add(file *ast.File) {
	if file.Doc != nil && strings.TrimSpace(file.Doc.Text()) != "" {
		p.documented = true
	}
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			panic(fmt.Sprintf("an import that has been parsed is quoted: %v", err))
		}
		p.imports = append(p.imports, imported)
	}
}

// sources are the Go files of both modules, with slashes, from the root.
func sources(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() && file != "." && (name == "testdata" || name == "bin" || name[0] == '.' || name[0] == '_') {
			return filepath.SkipDir
		}
		if !entry.IsDir() && strings.HasSuffix(name, ".go") {
			files = append(files, filepath.ToSlash(file))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func lines(t *testing.T, file string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
}

func inside(dir, room string) bool {
	return dir == room || strings.HasPrefix(dir, room+"/")
}

func longestFit[V any](dir string, table map[string]V) string {
	longest := ""
	for room := range table {
		if inside(dir, room) && len(room) > len(longest) {
			longest = room
		}
	}
	return longest
}
