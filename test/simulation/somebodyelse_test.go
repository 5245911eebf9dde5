package simulation

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// byHand makes a call to AWS as somebody else would, and returns the answer.
func (w *world) byHand(version, operation string, values ...string) string {
	form := url.Values{"Action": {operation}, "Version": {version}}
	for i := 0; i < len(values); i += 2 {
		form.Set(values[i], values[i+1])
	}
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://aws.invalid/", strings.NewReader(form.Encode()))
	if err != nil {
		panic(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	into := &response{header: http.Header{}, status: http.StatusOK}
	w.link.handler.ServeHTTP(into, request)
	if into.status != http.StatusOK {
		panic(operation + ": " + into.body.String())
	}
	return into.body.String()
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
