package localaws_test

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

// TestCommandRowsCoverEveryOperation: what the SDK can call the command line has called.
func TestCommandRowsCoverEveryOperation(t *testing.T) {
	t.Parallel()
	client := reflect.TypeFor[*elbv2.Client]()
	operations := 0
	for method := range client.Methods() {
		if method.Name == "Options" {
			continue
		}
		operations++
		if command := "elbv2 " + kebab(method.Name); !called(command) {
			t.Errorf("no row calls %s", command)
		}
	}
	const least = 51 // of the model of 2026
	if operations < least {
		t.Errorf("the SDK has %d operations only", operations)
	}
}

func called(command string) bool {
	for _, row := range commandRows {
		if row.line == command || strings.HasPrefix(row.line, command+" ") {
			return true
		}
	}
	return false
}

var (
	afterAcronym = regexp.MustCompile(`([A-Z]+)([A-Z][a-z])`)
	afterLower   = regexp.MustCompile(`([a-z0-9])([A-Z])`)
)

// kebab makes describe-ssl-policies of DescribeSSLPolicies, as the command line does.
func kebab(name string) string {
	return strings.ToLower(afterLower.ReplaceAllString(afterAcronym.ReplaceAllString(name, "$1-$2"), "$1-$2"))
}
