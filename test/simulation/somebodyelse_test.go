package simulation

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
)

// byHand makes a call to AWS as somebody else would, and returns the answer.
func (w *world) byHand(version, operation string, values ...string) string {
	form := url.Values{"Action": {operation}, "Version": {version}}
	for i := 0; i < len(values); i += 2 {
		form.Set(values[i], values[i+1])
	}
	for {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://aws.invalid/", nil)
		if err != nil {
			panic(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer := w.link.serve(request, form)
		if answer != nil {
			body, _ := io.ReadAll(answer.Body) // it is in memory
			if answer.StatusCode == http.StatusOK {
				return string(body)
			}
		}
		time.Sleep(time.Second) // somebody else is patient
	}
}

const (
	elbv2Version = "2015-12-01"
	ec2Version   = "2016-11-15"
)

var (
	arnPattern   = regexp.MustCompile(`<(?:LoadBalancer|TargetGroup|Listener)Arn>([^<]+)<`)
	groupPattern = regexp.MustCompile(`<groupId>([^<]+)<`)
)

// owned is what AWS has that somebody has made since the beginning and that is not foreign.
func (w *world) owned() []string {
	w.aws.Faults().Clear()
	var found []string
	for _, match := range arnPattern.FindAllStringSubmatch(w.byHand(elbv2Version, "DescribeLoadBalancers")+w.byHand(elbv2Version, "DescribeTargetGroups"), -1) {
		found = append(found, match[1])
	}
	for _, match := range groupPattern.FindAllStringSubmatch(w.byHand(ec2Version, "DescribeSecurityGroups"), -1) {
		found = append(found, match[1])
	}
	return w.oracle.without(found)
}

// lent makes a load balancer by hand, with a target group that is lent to the cluster by a binding: the controller
// may change its targets, and nothing else.
func (w *world) lent(name, service string) *v1beta1.TargetGroupBinding {
	values := []string{"Name", name, "Scheme", "internal"}
	for i := range zoneCount {
		values = append(values, fmt.Sprintf("Subnets.member.%d", i+1), subnet(i))
	}
	balancer := arnPattern.FindStringSubmatch(w.byHand(elbv2Version, "CreateLoadBalancer", values...))[1]
	group := arnPattern.FindStringSubmatch(w.byHand(elbv2Version, "CreateTargetGroup", "Name", name, "Protocol", "HTTP", "Port", "80", "VpcId", vpc, "TargetType", "ip",
		"HealthCheckPath", "/healthz/"+name, "HealthCheckIntervalSeconds", "10", "HealthCheckTimeoutSeconds", "2"))[1]
	w.byHand(elbv2Version, "ModifyTargetGroupAttributes", "TargetGroupArn", group,
		"Attributes.member.1.Key", "deregistration_delay.timeout_seconds", "Attributes.member.1.Value", "30")
	listener := w.byHand(elbv2Version, "CreateListener", "LoadBalancerArn", balancer, "Protocol", "HTTP", "Port", "80",
		"DefaultActions.member.1.Type", "forward", "DefaultActions.member.1.TargetGroupArn", group)
	w.oracle.disown(balancer, arnPattern.FindStringSubmatch(listener)[1])
	w.oracle.lend(group)
	return &v1beta1.TargetGroupBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: name},
		Spec: v1beta1.TargetGroupBindingSpec{
			TargetGroupARN: group, TargetType: new(v1beta1.TargetTypeIP),
			ServiceRef: v1beta1.ServiceReference{Name: service, Port: intstr.FromInt32(80)},
		},
	}
}
