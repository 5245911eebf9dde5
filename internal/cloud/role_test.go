package cloud_test

import (
	"bytes"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/localaws/fault"
	"github.com/sluice-lb/sluice/internal/model"
)

// listening keeps the forms of calls of one operation.
type listening struct {
	http.RoundTripper
	operation string
	heard     []url.Values
}

func (l *listening) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") == l.operation {
		l.heard = append(l.heard, form)
	}
	return l.RoundTripper.RoundTrip(r)
}

// Calls about targets come under the role, credentials are had once for all of them, and the
// controller's own calls stay its own.
func TestCallsUnderARole(t *testing.T) {
	t.Parallel()
	local := newOfflineAWS(t, localaws.Config{})
	way := &listening{RoundTripper: local, operation: "AssumeRole"}
	own := newOfflineCloud(t, cloud.Config{Cluster: "my cluster/1", Unlimited: true, BudgetShare: 1}, local).Through(way)
	group := newAdministrator(t, local).targetGroup("web", testVPC, nil)
	role := cloud.Role{ARN: "arn:aws:iam::210987654321:role/targets", ExternalID: "secret-1"}
	local.Calls(true)

	targets := []model.Target{{Address: model.TargetAt(netip.MustParseAddrPort("10.0.0.9:80"))}}
	for range 2 {
		if _, err := own.As(role).Register(t.Context(), group, func() []model.Target { return targets }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := own.As(role).TargetHealth(t.Context(), cloud.Question, group); err != nil {
		t.Fatal(err)
	}
	if _, err := own.TargetHealth(t.Context(), cloud.Question, group); err != nil {
		t.Fatal(err)
	}

	want := []localaws.Call{
		{Service: "elbv2", Operation: "DescribeTargetHealth", Result: "ok", Count: 1},
		{Service: "elbv2", Operation: "DescribeTargetHealth", Result: "ok", Role: role.ARN, Count: 1},
		{Service: "elbv2", Operation: "RegisterTargets", Result: "ok", Role: role.ARN, Count: 2},
		{Service: "sts", Operation: "AssumeRole", Result: "ok", Count: 1},
	}
	if diff := cmp.Diff(want, local.Calls(false)); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	asked := url.Values{
		"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "DurationSeconds": {"900"},
		"RoleArn": {role.ARN}, "ExternalId": {"secret-1"}, "RoleSessionName": {"AWS-LBC-mycluster1"},
	}
	if diff := cmp.Diff([]url.Values{asked}, way.heard); diff != "" {
		t.Errorf("the role was asked for otherwise (-want +got):\n%s", diff)
	}
}

// A role that cannot be had says so, and not that the call for which it was wanted is denied.
func TestARoleThatCannotBeHad(t *testing.T) {
	t.Parallel()
	local := newOfflineAWS(t, localaws.Config{})
	own := newOfflineCloud(t, cloud.Config{Cluster: "demo", Unlimited: true, BudgetShare: 1}, local)
	if _, err := local.Faults().Add(fault.Rule{Service: "sts", Operation: "AssumeRole", Code: "AccessDenied"}); err != nil {
		t.Fatal(err)
	}
	_, err := own.As(cloud.Role{ARN: "arn:aws:iam::210987654321:role/targets"}).TargetHealth(t.Context(), cloud.Question, "arn:aws:elasticloadbalancing:us-west-2:210987654321:targetgroup/web/0123456789abcdef")
	want := "AssumeRole answered AccessDenied: A fault of the local AWS: AccessDenied (allow sts:AssumeRole in the IAM policy of Sluice)"
	if cloud.KindOf(err) != cloud.Denied || err == nil || err.Error() != want {
		t.Errorf("got %v of kind %s, want %s", err, cloud.KindOf(err), want)
	}
}
