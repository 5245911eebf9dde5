package diagnose

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

func TestEveryReasonIsExplained(t *testing.T) {
	t.Parallel()
	reasons := ours(t)
	for _, code := range elbv2types.TargetHealthReasonEnum("").Values() {
		reasons = append(reasons, string(code))
	}
	if len(reasons) < 20 {
		t.Fatalf("only %d reasons: %v", len(reasons), reasons)
	}
	for _, reason := range reasons {
		if explanations[reason].means == "" {
			t.Errorf("%s is not explained", reason)
		}
	}
}

// ours are the constants of internal/readiness.
func ours(t *testing.T) (reasons []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../readiness/reasons.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			reasons = append(reasons, text)
		}
		return true
	})
	return reasons
}
