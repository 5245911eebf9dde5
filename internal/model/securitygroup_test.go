package model_test

import (
	"testing"

	"github.com/sluice-lb/sluice/internal/model"
)

func TestWithin(t *testing.T) {
	t.Parallel()
	wide := model.Permission{Protocol: "tcp", FromPort: 8080, ToPort: 8090, SourceGroup: "sg-a", Description: "ours"}
	for name, test := range map[string]struct {
		one  model.Permission
		want bool
	}{
		"one-port":       {model.Permission{Protocol: "tcp", FromPort: 8080, ToPort: 8080, SourceGroup: "sg-a"}, true},
		"the-same":       {wide, true},
		"beyond":         {model.Permission{Protocol: "tcp", FromPort: 8085, ToPort: 8091, SourceGroup: "sg-a"}, false},
		"before":         {model.Permission{Protocol: "tcp", FromPort: 8079, ToPort: 8085, SourceGroup: "sg-a"}, false},
		"other-source":   {model.Permission{Protocol: "tcp", FromPort: 8080, ToPort: 8080, SourceGroup: "sg-b"}, false},
		"other-protocol": {model.Permission{Protocol: "udp", FromPort: 8080, ToPort: 8080, SourceGroup: "sg-a"}, false},
	} {
		if got := test.one.Within(wide); got != test.want {
			t.Errorf("%s: within is %t, want %t", name, got, test.want)
		}
	}
}
