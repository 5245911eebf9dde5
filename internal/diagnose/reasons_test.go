package diagnose

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
)

// codesOfAWS are all of TargetHealth.Reason (Elastic Load Balancing API, version 2015-12-01).
var codesOfAWS = []string{
	"Elb.RegistrationInProgress", "Elb.InitialHealthChecking", "Elb.InternalError",
	"Target.ResponseCodeMismatch", "Target.Timeout", "Target.FailedHealthChecks", "Target.NotRegistered", "Target.NotInUse",
	"Target.DeregistrationInProgress", "Target.InvalidState", "Target.IpUnusable", "Target.HealthCheckDisabled",
}

func TestEveryReasonIsExplained(t *testing.T) {
	t.Parallel()
	reasons := append(ours(t), codesOfAWS...)
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
