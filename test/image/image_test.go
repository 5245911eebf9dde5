package image

import (
	"debug/elf"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

const root = "../../"

var programs = flag.Bool("programs", false, "build both programs for each architecture, which takes minutes")

func text(t *testing.T, file string) string {
	t.Helper()
	read, err := os.ReadFile(root + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(read)
}

// one is what the only group of a pattern matches in a file.
func one(t *testing.T, file, pattern string) string {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(text(t, file))
	if found == nil {
		t.Fatalf("%s has nothing like %s", file, pattern)
	}
	return found[1]
}

// ko is what matters of ko's configuration.
type ko struct {
	DefaultBaseImage string   `json:"defaultBaseImage"`
	DefaultPlatforms []string `json:"defaultPlatforms"`
	Builds           []struct {
		ID, Main            string
		Env, Flags, Ldflags []string
	}
}

func TestOneVersionOfGo(t *testing.T) {
	t.Parallel()
	if module, image := one(t, "go.mod", `(?m)^go (\d+\.\d+)`), one(t, "Dockerfile", `(?m)^ARG GO_VERSION=(.*)$`); module != image {
		t.Errorf("go.mod wants Go %s, the Dockerfile takes %s", module, image)
	}
}

func TestDockerAndKoBuildTheSame(t *testing.T) {
	t.Parallel()
	var config ko
	if err := yaml.UnmarshalStrict([]byte(text(t, ".ko.yaml")), &config); err != nil {
		t.Fatal(err)
	}
	if base := one(t, "Dockerfile", `(?m)^ARG BASE=(.*)$`); config.DefaultBaseImage != base {
		t.Errorf("ko's base is %s, the Dockerfile's %s", config.DefaultBaseImage, base)
	}
	tags := one(t, "Makefile", `(?m)^TAGS *:= *(.*)$`)
	linked := one(t, "Makefile", `(?m)^LDFLAGS := (-X .*)=\$\(VERSION\)$`)
	docker := one(t, "Dockerfile", `go build (.*) \\\n`)
	if want := "-tags " + tags + ` -trimpath -ldflags "-s -w ` + linked + `=${VERSION}"`; docker != want {
		t.Errorf("the Dockerfile builds with\n%s\nwant what the Makefile has:\n%s", docker, want)
	}
	var built []string
	for _, build := range config.Builds {
		built = append(built, build.Main)
		got := map[string][]string{"env": build.Env, "flags": build.Flags, "ldflags": build.Ldflags}
		want := map[string][]string{
			"env": {"CGO_ENABLED=0", "GOWORK=off"}, "flags": {"-tags", tags, "-trimpath"}, "ldflags": {"-s", "-w", linked + "={{.Env.VERSION}}"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ko builds %s otherwise (-want +got):\n%s", build.ID, diff)
		}
	}
	if want := []string{"./cmd/sluice", "./cmd/sluice-healthz"}; !slices.Equal(built, want) {
		t.Errorf("ko builds %v, want %v", built, want)
	}
}

func TestNobodyIsRoot(t *testing.T) {
	t.Parallel()
	dockerfile := text(t, "Dockerfile")
	stages := strings.Split(dockerfile, "\nFROM ")
	for _, stage := range stages[2:] { // the first is the head, the second builds
		if !strings.Contains(stage, "\nUSER 65532:65532\n") {
			t.Errorf("this stage runs as somebody else:\n%s", stage)
		}
	}
	if len(stages) != 4 || !strings.HasPrefix(stages[3], "${BASE} AS sluice\n") {
		t.Errorf("the last stage, which is built by default, is not sluice, or there are %d", len(stages))
	}
}

// As the Dockerfile builds them. A program that is linked to libraries does not start in an image that has none.
func TestProgramsAreStatic(t *testing.T) {
	t.Parallel()
	if !*programs {
		t.Skip("they are built when make static asks for it")
	}
	flags := []string{"build", "-tags", one(t, "Makefile", `(?m)^TAGS *:= *(.*)$`), "-trimpath", "-ldflags", "-s -w " + one(t, "Makefile", `(?m)^LDFLAGS := (-X .*)=\$\(VERSION\)$`) + "=v1.2.3"}
	for architecture, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		dir := t.TempDir()
		command := exec.CommandContext(t.Context(), "go", append(flags, "-o", dir+"/", "./cmd/sluice", "./cmd/sluice-healthz")...)
		command.Dir = root
		command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOOS=linux", "GOARCH="+architecture)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("building for %s: %v\n%s", architecture, err, out)
		}
		for _, name := range []string{"sluice", "sluice-healthz"} {
			file, err := elf.Open(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			libraries, err := file.ImportedLibraries()
			if err != nil || len(libraries) > 0 || file.Section(".interp") != nil || file.Machine != machine {
				t.Errorf("%s for %s: machine %s, libraries %v, %v, interpreter %v", name, architecture, file.Machine, libraries, err, file.Section(".interp") != nil)
			}
		}
	}
}

// What Docker is not given cannot be compiled.
func TestDockerIsGivenWhatIsBuilt(t *testing.T) {
	t.Parallel()
	command := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./cmd/sluice", "./cmd/sluice-healthz")
	command.Dir = root
	command.Env = append(os.Environ(), "GOWORK=off")
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	given := strings.Fields(text(t, ".dockerignore"))
	for path := range strings.FieldsSeq(string(out)) {
		folder, ours := strings.CutPrefix(path, "github.com/sluice-lb/sluice/")
		if folder, _, _ = strings.Cut(folder, "/"); ours && !slices.Contains(given, "!"+folder) {
			t.Errorf("%s is built, and .dockerignore leaves it out", path)
		}
	}
}
