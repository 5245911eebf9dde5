package chart

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

const (
	begin = "<!-- values: made of values.yaml by make generate -->\n"
	end   = "<!-- end of values -->\n"
)

// Every value has its line in the README, with the default and the sentence that stand in values.yaml.
func TestReadmeListsTheValues(t *testing.T) {
	t.Parallel()
	file := filepath.Join(directory, "README.md")
	text := content(t, file)
	before, rest, found := strings.Cut(text, begin)
	have, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the table, between %q and %q", file, begin, end)
	}
	want := table(t)
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("the table is stale, run make generate (-want +got):\n%s", diff)
	}
}

func content(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func table(t *testing.T) string {
	t.Helper()
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(content(t, filepath.Join(directory, "values.yaml"))), &root); err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	lines.WriteString("| value | default | |\n| --- | --- | --- |\n")
	rows(t, &lines, "", root.Content[0])
	return lines.String()
}

// rows are those of a mapping: a field with a sentence is a value, one without is a group of values.
func rows(t *testing.T, lines *strings.Builder, prefix string, mapping *yaml.Node) {
	t.Helper()
	for i := 0; i < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		comment := key.HeadComment[strings.LastIndex(key.HeadComment, "\n")+1:]
		sentence, documented := strings.CutPrefix(comment, "# -- ")
		switch {
		case documented:
			fmt.Fprintf(lines, "| `%s%s` | `%s` | %s |\n", prefix, key.Value, flow(t, value), strings.ReplaceAll(sentence, "|", `\|`))
		case value.Kind == yaml.MappingNode && len(value.Content) > 0:
			rows(t, lines, prefix+key.Value+".", value)
		default:
			t.Errorf("values.yaml: %s%s has no sentence: write `# -- …` above it", prefix, key.Value)
		}
	}
}

// flow is a value in one line.
func flow(t *testing.T, value *yaml.Node) string {
	t.Helper()
	if value.Kind == yaml.ScalarNode && value.Value == "" {
		return `""`
	}
	var plain any
	if err := value.Decode(&plain); err != nil {
		t.Fatal(err)
	}
	if text, isText := plain.(string); isText {
		return text
	}
	text, err := json.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Otherwise a value that is refused with a reason would be refused without one.
func TestSchemaKnowsWhatIsRefused(t *testing.T) {
	t.Parallel()
	var schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal([]byte(content(t, filepath.Join(directory, "values.schema.json"))), &schema); err != nil {
		t.Fatal(err)
	}
	body := regexp.MustCompile(`(?s){{.*?}}`).ReplaceAllString(content(t, filepath.Join(directory, "templates/_refused.tpl")), "")
	var refused map[string]string
	if err := yaml.Unmarshal([]byte(body), &refused); err != nil || len(refused) == 0 {
		t.Fatalf("%d values are refused, %v", len(refused), err)
	}
	var values map[string]any
	if err := yaml.Unmarshal([]byte(content(t, filepath.Join(directory, "values.yaml"))), &values); err != nil {
		t.Fatal(err)
	}
	for name := range refused {
		if _, known := schema.Properties[name]; !known {
			t.Errorf("values.schema.json does not know %s", name)
		}
		if _, ours := values[name]; ours {
			t.Errorf("%s is refused, and has a default", name)
		}
	}
	for name := range values {
		if _, known := schema.Properties[name]; !known {
			t.Errorf("values.schema.json does not know %s", name)
		}
	}
}
