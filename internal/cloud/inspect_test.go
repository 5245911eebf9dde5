package cloud_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// inspection is everything that is in AWS: what AWS says of each resource, by a name that
// does not depend on who made it when.
type inspection map[string]string

// inspect reads all there is, but for what differs from time to time: identifiers,
// addresses, dates and states. It does so without the SDK, which takes ten times as long.
func (a *administrator) inspect() inspection {
	a.Helper()
	i := &inspector{administrator: a, found: inspection{}, names: map[string]string{}}
	i.securityGroups()
	for arn, group := range i.ask("TargetGroupArn", "DescribeTargetGroups") {
		if name := nameIn(arn); name == byHand || strings.HasPrefix(name, "k8s-") { // the others are many
			group += i.text("DescribeTargetGroupAttributes", "TargetGroupArn", arn)
		}
		i.note(arn, "target group "+nameIn(arn), group)
	}
	for arn, lb := range i.ask("LoadBalancerArn", "DescribeLoadBalancers") {
		i.note(arn, "load balancer "+nameIn(arn), lb+i.text("DescribeLoadBalancerAttributes", "LoadBalancerArn", arn))
		i.listeners(arn)
	}
	i.tags()
	return i.found
}

type inspector struct {
	*administrator
	found inspection
	names map[string]string // by ARN or id
}

func (i *inspector) listeners(lb string) {
	for listener, text := range i.ask("ListenerArn", "DescribeListeners", "LoadBalancerArn", lb) {
		name := "listener " + nameIn(lb) + ":" + between(text, "<Port>", "</Port>")
		i.note(listener, name, text)
		for rule, text := range i.ask("RuleArn", "DescribeRules", "ListenerArn", listener) {
			i.note(rule, name+" rule "+between(text, "<Priority>", "</Priority>"), text)
		}
	}
}

func (i *inspector) tags() {
	arns := slices.DeleteFunc(slices.Collect(maps.Keys(i.names)), func(id string) bool { return strings.HasPrefix(id, "sg-") })
	for chunk := range slices.Chunk(arns, 20) {
		var params []string
		for n, arn := range chunk {
			params = append(params, "ResourceArns.member."+strconv.Itoa(n+1), arn)
		}
		for arn, tags := range i.ask("ResourceArn", "DescribeTags", params...) {
			i.found[i.names[arn]] += "\n" + tags
		}
	}
}

func (i *inspector) securityGroups() {
	out, _, _ := strings.Cut(i.text("DescribeSecurityGroups"), "</securityGroupInfo>")
	groups := strings.Split(out, "<item><ownerId>")[1:]
	for _, group := range groups {
		i.names[between(group, "<groupId>", "<")] = "security group " + between(group, "<vpcId>", "<") + "/" + between(group, "<groupName>", "<")
	}
	for _, group := range groups {
		parts := strings.Split(group, "<item>") // permissions have no order
		slices.Sort(parts)
		id := between(group, "<groupId>", "<")
		i.note(id, i.names[id], strings.Join(parts, "\n"))
	}
}

func (i *inspector) note(id, name, what string) {
	i.names[id] = name
	i.found[name] = i.anonymous(what)
}

// ask reads a list: what AWS says of each resource, by its ARN.
func (i *inspector) ask(field, action string, params ...string) map[string]string {
	i.Helper()
	out := map[string]string{}
	for _, member := range strings.Split(i.text(action, params...), "<member><"+field+">")[1:] {
		arn, rest, _ := strings.Cut(member, "<")
		out[arn] = rest[:strings.LastIndex(rest, "</member>")]
	}
	return out
}

// text is what AWS answers to a call.
func (i *inspector) text(action string, params ...string) string {
	i.Helper()
	form := url.Values{"Action": {action}, "Version": {"2015-12-01"}}
	if action == "DescribeSecurityGroups" {
		form.Set("Version", "2016-11-15")
	}
	for pair := range slices.Chunk(params, 2) {
		form.Set(pair[0], pair[1])
	}
	request, err := http.NewRequestWithContext(i.Context(), http.MethodPost, i.local.URL(), strings.NewReader(form.Encode()))
	if err != nil {
		i.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := i.local.RoundTrip(request)
	if err != nil {
		i.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		i.Fatalf("%s: %v %s", action, err, body)
	}
	out, _, _ := strings.Cut(string(body), "<ResponseMetadata>")
	return out
}

// anonymous takes out what differs from time to time.
func (i *inspector) anonymous(text string) string {
	if known, ok := i.told[text]; ok {
		return known
	}
	out := text
	for _, element := range []string{"DNSName", "CreatedTime", "State"} {
		if before, after, found := strings.Cut(out, "<"+element+">"); found {
			_, after, _ = strings.Cut(after, "</"+element+">")
			out = before + after
		}
	}
	out = resourceID.ReplaceAllString(out, "")
	out = groupID.ReplaceAllStringFunc(out, func(id string) string { return i.names[id] })
	i.told[text] = out
	return out
}

var (
	resourceID = regexp.MustCompile(`/[0-9a-f]{16}`)
	groupID    = regexp.MustCompile(`sg-[0-9a-f]{17}`)
)

// nameIn is the name in the ARN of a load balancer or target group.
func nameIn(arn string) string {
	parts := strings.Split(arn, "/")
	return parts[len(parts)-2]
}

func between(text, before, after string) string {
	_, text, _ = strings.Cut(text, before)
	text, _, _ = strings.Cut(text, after)
	return text
}

func text(what any) string {
	out, err := json.Marshal(what)
	if err != nil {
		panic("an answer of the SDK is plain data: " + err.Error())
	}
	return string(out)
}

// bound is what Kubernetes has.
func (c *cluster) bound() inspection {
	out := inspection{}
	for name, b := range c.bindings {
		out["binding "+name] = groupID.ReplaceAllString(text(b.Binding), "") + " to " + nameIn(b.arn)
	}
	return out
}
