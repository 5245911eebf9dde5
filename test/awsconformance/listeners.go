package awsconformance

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

const createListenerPage = "API reference, CreateListener"

// tryListener creates a listener for one assertion, and removes it if it was made against expectation.
func tryListener(id, sentence, source, want string, change func(*fixture, *elbv2.CreateListenerInput)) assertion {
	return call("listener."+id, sentence, source, want, func(ctx context.Context, f *fixture) error {
		out, err := f.elb.CreateListener(ctx, f.listenerInput(8081, func(in *elbv2.CreateListenerInput) { change(f, in) }))
		if err == nil {
			_, _ = f.elb.DeleteListener(ctx, &elbv2.DeleteListenerInput{ListenerArn: out.Listeners[0].ListenerArn})
		}
		return err
	})
}

func listeners() []assertion {
	return []assertion{
		is("listener.create.idempotent", "creating the same listener again returns it", createListenerPage, true, func(ctx context.Context, f *fixture) (bool, error) {
			out, err := f.elb.CreateListener(ctx, f.listenerInput(80, nil))
			return err == nil && *out.Listeners[0].ListenerArn == f.listener, err
		}),
		call("listener.create.port-taken", "a port with other settings is taken", createListenerPage, "DuplicateListener", func(ctx context.Context, f *fixture) error {
			return second(f.elb.CreateListener(ctx, f.listenerInput(80, func(in *elbv2.CreateListenerInput) { in.DefaultActions = answerWith("404") })))
		}),
		tryListener("protocol.tcp", "an application load balancer does not listen to TCP", createListenerPage, "ValidationError", func(_ *fixture, in *elbv2.CreateListenerInput) { in.Protocol = elbv2types.ProtocolEnumTcp }),
		tryListener("protocol.udp", "an application load balancer does not listen to UDP", createListenerPage, "ValidationError", func(_ *fixture, in *elbv2.CreateListenerInput) { in.Protocol = elbv2types.ProtocolEnumUdp }),
		tryListener("protocol.http-network", "a network load balancer does not listen to HTTP", createListenerPage, "ValidationError", func(f *fixture, in *elbv2.CreateListenerInput) { in.LoadBalancerArn = &f.network }),
		tryListener("port.zero", "ports begin at 1", "API model, Port", "ValidationError", func(_ *fixture, in *elbv2.CreateListenerInput) { in.Port = aws.Int32(0) }),
		tryListener("port.large", "ports end at 65535", "API model, Port", "ValidationError", func(_ *fixture, in *elbv2.CreateListenerInput) { in.Port = aws.Int32(65536) }),
		tryListener("group.unknown", "the target group must exist", "API model, TargetGroupNotFoundException", "TargetGroupNotFound", func(f *fixture, in *elbv2.CreateListenerInput) { in.DefaultActions = forwardTo(*last(f.used)) }),
		tryListener("group.of-another", "a target group has one load balancer", "ALB guide, quotas", "TargetGroupAssociationLimit", func(f *fixture, in *elbv2.CreateListenerInput) { in.LoadBalancerArn = &f.other }),
		tryListener("group.tcp", "HTTP does not go to a TCP group", unconfirmed, "IncompatibleProtocols", func(f *fixture, in *elbv2.CreateListenerInput) { in.DefaultActions = forwardTo(f.stream) }),
		tryListener("ssl-policy.http", "an HTTP listener has no security policy", unconfirmed, "ValidationError", func(_ *fixture, in *elbv2.CreateListenerInput) {
			in.SslPolicy = aws.String("ELBSecurityPolicy-2016-08")
		}),
		tryListener("certificate.http", "an HTTP listener has no certificate", unconfirmed, "ValidationError", func(f *fixture, in *elbv2.CreateListenerInput) {
			in.Certificates = []elbv2types.Certificate{{CertificateArn: &f.certificate}}
		}),
		call("listener.describe.nothing", "a listener is found by its ARN or its load balancer", "API reference, DescribeListeners", "ValidationError", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DescribeListeners(ctx, &elbv2.DescribeListenersInput{}))
		}),
		is("listener.default-rule", "a listener has a default rule from the start", "ALB guide, listener rules", "default", func(ctx context.Context, f *fixture) (string, error) {
			out, err := f.elb.DescribeRules(ctx, &elbv2.DescribeRulesInput{RuleArns: []string{f.defaultRule}})
			if err != nil {
				return "", err
			}
			return *out.Rules[0].Priority, nil
		}),
		call("listener.modify.port-taken", "a listener cannot move to a taken port", "API model, DuplicateListenerException", "DuplicateListener", func(ctx context.Context, f *fixture) error {
			return second(f.elb.ModifyListener(ctx, &elbv2.ModifyListenerInput{ListenerArn: &f.listener, Port: aws.Int32(443)}))
		}),
	}
}

// actions is about the actions of listeners and rules.
func actions() []assertion {
	const page = "ALB guide, action types for listener rules"
	fixed := func(status string, change func(*elbv2types.FixedResponseActionConfig)) []elbv2types.Action {
		a := answerWith(status)
		if change != nil {
			change(a[0].FixedResponseConfig)
		}
		return a
	}
	redirect := func(change func(*elbv2types.RedirectActionConfig)) []elbv2types.Action {
		c := &elbv2types.RedirectActionConfig{StatusCode: elbv2types.RedirectActionStatusCodeEnumHttp301}
		change(c)
		return []elbv2types.Action{{Type: elbv2types.ActionTypeEnumRedirect, RedirectConfig: c}}
	}
	var all []assertion
	for id, row := range inOrder(map[string]struct {
		want, source string
		actions      func(*fixture) []elbv2types.Action
	}{
		"none":        {"ValidationError", createListenerPage, func(*fixture) []elbv2types.Action { return []elbv2types.Action{} }},
		"two-answers": {"TooManyActions", page, func(*fixture) []elbv2types.Action { return append(answerWith("200"), answerWith("200")...) }},
		"fixed.1xx":   {"ValidationError", page, func(*fixture) []elbv2types.Action { return fixed("100", nil) }},
		"fixed.3xx":   {"ValidationError", page, func(*fixture) []elbv2types.Action { return fixed("301", nil) }},
		"fixed.4xx":   {ok, page, func(*fixture) []elbv2types.Action { return fixed("451", nil) }},
		"fixed.5xx":   {ok, page, func(*fixture) []elbv2types.Action { return fixed("503", nil) }},
		"fixed.type": {"ValidationError", page, func(*fixture) []elbv2types.Action {
			return fixed("200", func(c *elbv2types.FixedResponseActionConfig) { c.ContentType = aws.String("image/png") })
		}},
		"fixed.body.1025": {"ValidationError", "API model, MessageBody", func(*fixture) []elbv2types.Action {
			return fixed("200", func(c *elbv2types.FixedResponseActionConfig) { c.MessageBody = aws.String(fmt.Sprintf("%01025d", 0)) })
		}},
		"fixed.body.1024": {ok, "API model, MessageBody", func(*fixture) []elbv2types.Action {
			return fixed("200", func(c *elbv2types.FixedResponseActionConfig) { c.MessageBody = aws.String(fmt.Sprintf("%01024d", 0)) })
		}},
		"redirect.nothing": {"InvalidLoadBalancerAction", page, func(*fixture) []elbv2types.Action { return redirect(func(*elbv2types.RedirectActionConfig) {}) }},
		"redirect.https": {ok, page, func(*fixture) []elbv2types.Action {
			return redirect(func(c *elbv2types.RedirectActionConfig) { c.Protocol, c.Port = aws.String("HTTPS"), aws.String("443") })
		}},
		"redirect.path": {"ValidationError", page, func(*fixture) []elbv2types.Action {
			return redirect(func(c *elbv2types.RedirectActionConfig) { c.Path = aws.String("relative") })
		}},
		"redirect.port": {"ValidationError", page, func(*fixture) []elbv2types.Action {
			return redirect(func(c *elbv2types.RedirectActionConfig) { c.Port = aws.String("70000") })
		}},
		"redirect.protocol": {"ValidationError", page, func(*fixture) []elbv2types.Action {
			return redirect(func(c *elbv2types.RedirectActionConfig) { c.Protocol = aws.String("FTP") })
		}},
		"redirect.host.129": {"ValidationError", "API model, RedirectActionHost", func(*fixture) []elbv2types.Action {
			return redirect(func(c *elbv2types.RedirectActionConfig) { c.Host = aws.String(fmt.Sprintf("%0129d", 0)) })
		}},
		"forward.weight.1000": {"ValidationError", page, func(f *fixture) []elbv2types.Action {
			a := forwardTo(f.used)
			a[0].ForwardConfig.TargetGroups[0].Weight = aws.Int32(1000)
			return a
		}},
		"forward.weight.999": {ok, page, func(f *fixture) []elbv2types.Action {
			a := forwardTo(f.used)
			a[0].ForwardConfig.TargetGroups[0].Weight = aws.Int32(999)
			return a
		}},
		"forward.twice": {"ValidationError", unconfirmed, func(f *fixture) []elbv2types.Action { return forwardTo(f.used, f.used) }},
		"forward.six":   {"ValidationError", "ALB guide, quotas", func(f *fixture) []elbv2types.Action { return forwardTo(f.used, f.used, f.used, f.used, f.used, f.used) }},
		"forward.sticky": {ok, page, func(f *fixture) []elbv2types.Action {
			a := forwardTo(f.used)
			a[0].ForwardConfig.TargetGroupStickinessConfig = &elbv2types.TargetGroupStickinessConfig{Enabled: aws.Bool(true), DurationSeconds: aws.Int32(60)}
			return a
		}},
		"forward.sticky.week": {"ValidationError", page, func(f *fixture) []elbv2types.Action {
			a := forwardTo(f.used)
			a[0].ForwardConfig.TargetGroupStickinessConfig = &elbv2types.TargetGroupStickinessConfig{Enabled: aws.Bool(true), DurationSeconds: aws.Int32(604801)}
			return a
		}},
		"authenticate.on-http": {"InvalidLoadBalancerAction", page, func(*fixture) []elbv2types.Action { return authenticated("https://id.example.com") }},
		"jwt.on-http":          {"InvalidLoadBalancerAction", "ALB guide, verify JWTs", func(*fixture) []elbv2types.Action { return verified("https://id.example.com/keys") }},
	}) {
		all = append(all, tryListener("action."+id, "an action "+id+" answers "+row.want, row.source, row.want, func(f *fixture, in *elbv2.CreateListenerInput) { in.DefaultActions = row.actions(f) }))
	}
	return all
}

// authenticated is an action behind a login with an identity provider.
func authenticated(issuer string) []elbv2types.Action {
	answer := answerWith("200")[0]
	answer.Order = aws.Int32(2)
	return []elbv2types.Action{{
		Type: elbv2types.ActionTypeEnumAuthenticateOidc, Order: aws.Int32(1),
		AuthenticateOidcConfig: &elbv2types.AuthenticateOidcActionConfig{
			Issuer: &issuer, AuthorizationEndpoint: aws.String("https://id.example.com/authorize"), TokenEndpoint: aws.String("https://id.example.com/token"),
			UserInfoEndpoint: aws.String("https://id.example.com/user"), ClientId: aws.String("client"), ClientSecret: aws.String("secret"),
		},
	}, answer}
}

// verified is an action behind a check of tokens.
func verified(keys string) []elbv2types.Action {
	answer := answerWith("200")[0]
	answer.Order = aws.Int32(2)
	return []elbv2types.Action{{
		Type: elbv2types.ActionTypeEnumJwtValidation, Order: aws.Int32(1),
		JwtValidationConfig: &elbv2types.JwtValidationActionConfig{JwksEndpoint: &keys, Issuer: aws.String("https://id.example.com")},
	}, answer}
}
