package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws"
)

func TestTakeDir(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		dir  string
		rest []string
	}{
		"default":       {[]string{"get", "pods"}, ".lab", []string{"get", "pods"}},
		"first":         {[]string{"--dir", "/tmp/x", "get"}, "/tmp/x", []string{"get"}},
		"last":          {[]string{"-sS", "http://a/", "--dir=/tmp/x"}, "/tmp/x", []string{"-sS", "http://a/"}},
		"others-as-are": {[]string{"--directory", "a", "--dirs=b", "-dir"}, ".lab", []string{"--directory", "a", "--dirs=b", "-dir"}},
		"not-after--":   {[]string{"exec", "web", "--", "ls", "--dir", "x"}, ".lab", []string{"exec", "web", "--", "ls", "--dir", "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, rest, err := takeDir(c.args)
			if err != nil {
				t.Fatal(err)
			}
			if dir != c.dir {
				t.Errorf("directory %q", dir)
			}
			if diff := cmp.Diff(c.rest, rest); diff != "" {
				t.Errorf("rest (-want +got):\n%s", diff)
			}
		})
	}
	if _, _, err := takeDir([]string{"get", "--dir"}); err == nil {
		t.Error("--dir without a directory was accepted")
	}
}

var addresses = []localaws.Address{
	{DNSName: "shop-1.us-west-2.elb.amazonaws.com", Port: 80, Address: "127.70.192.1:8080"},
	{DNSName: "shop-1.us-west-2.elb.amazonaws.com", Port: 8443, Address: "127.70.192.1:8443"},
}

func TestConnectTo(t *testing.T) {
	t.Parallel()
	want := []string{
		"--noproxy", "*",
		"--connect-to", "shop-1.us-west-2.elb.amazonaws.com:80:127.70.192.1:8080",
		"--connect-to", "shop-1.us-west-2.elb.amazonaws.com:8443:127.70.192.1:8443",
	}
	if diff := cmp.Diff(want, connectTo(addresses)); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
}

func TestFindAddress(t *testing.T) {
	t.Parallel()
	if got, err := findAddress(addresses, "SHOP-1.us-west-2.elb.amazonaws.com:80"); err != nil || got != "127.70.192.1:8080" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := findAddress(addresses, "other:80"); err == nil || !strings.Contains(err.Error(), addresses[0].DNSName+":80") {
		t.Errorf("error that should name what is known: %v", err)
	}
	if _, err := findAddress(nil, "other:80"); err == nil || !strings.Contains(err.Error(), "provisioned") {
		t.Errorf("error: %v", err)
	}
}

func TestPrintCalls(t *testing.T) {
	t.Parallel()
	calls := []localaws.Call{{Service: "elbv2", Operation: "CreateRule", Result: "ok", Count: 2}}
	for format, want := range map[string]string{
		"json": `[{"service":"elbv2","operation":"CreateRule","result":"ok","count":2}]` + "\n",
		"text": "SERVICE  OPERATION   RESULT  COUNT\nelbv2    CreateRule  ok      2\n",
	} {
		var out bytes.Buffer
		if err := printCalls(&out, format, calls); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
	}
	var none bytes.Buffer
	if err := printCalls(&none, "json", nil); err != nil || none.String() != "[]\n" {
		t.Errorf("no calls are %q, %v", none.String(), err)
	}
}

func TestParseQuotas(t *testing.T) {
	t.Parallel()
	got, err := parseQuotas([]string{"elbv2/load-balancers=100", "ec2/security-groups=5"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]int{"elbv2/load-balancers": 100, "ec2/security-groups": 5}, got); diff != "" {
		t.Errorf("quotas (-want +got):\n%s", diff)
	}
	for _, wrong := range []string{"elbv2/load-balancers", "load-balancers=1", "elbv2/x=many", "elbv2/x=-1"} {
		if _, err := parseQuotas([]string{wrong}); err == nil {
			t.Errorf("%s was accepted", wrong)
		}
	}
}

func TestGivenFlagsCanBeReadAgain(t *testing.T) {
	t.Parallel()
	flags := upFlags()
	if err := flags.Parse([]string{"--nodes=5", "--quota", "a/b=1", "--quota=c/d=2", "--controller=false"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"--controller=false", "--nodes=5", "--quota=a/b=1", "--quota=c/d=2"}, given(flags)); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
}
