package awsconformance

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// fixture is what the assertions are about.
type fixture struct {
	Config
	clients

	balancer, other, network                 string // ARNs of load balancers; the first two are application load balancers
	listener, secureListener, streamListener string
	rule, defaultRule                        string
	used, unused, stream                     string // target groups; the first and the last are in use
	certificate, second                      string
	firstState                               string // of the load balancer, right after its creation
	undo                                     []func(context.Context) error
	ended                                    <-chan struct{} // closed when the run is to end early
	cleaning                                 bool            // then nothing ends early any more
}

func newFixture(ctx context.Context, config Config) *fixture {
	return &fixture{Config: config, clients: newClients(config.AWS), ended: ctx.Done()}
}

func (f *fixture) name(what string) *string { return aws.String(f.Prefix + "-" + what) }

// interrupted says whether the run is to end as soon as it can.
func (f *fixture) interrupted() bool {
	select {
	case <-f.ended:
		return !f.cleaning
	default:
		return false
	}
}

// wait tries until there is no error, or no patience is left.
func (f *fixture) wait(ctx context.Context, try func() error) error {
	pause := min(f.Patience/200, 2*time.Second)
	for deadline := time.Now().Add(f.Patience); ; time.Sleep(pause) {
		err := try()
		if err == nil || time.Now().After(deadline) || ctx.Err() != nil || f.interrupted() {
			return err
		}
	}
}

// later remembers what has to be undone. Things in use are tried again until they are free.
func (f *fixture) later(undo func(context.Context) error) { f.undo = append(f.undo, undo) }

// clean removes all that was made, the last first, and then what an assertion may have left against its intention. The
// error names what stays.
func (f *fixture) clean(ctx context.Context) error {
	f.cleaning = true
	for _, v := range slices.Backward(f.undo) {
		_ = f.wait(ctx, func() error { return v(ctx) }) // what stays is found again below
	}
	left, err := f.leftovers(ctx)
	if err != nil {
		return fmt.Errorf("looking for what is left: %w", err)
	}
	return f.remove(ctx, left)
}

// prepare makes everything, in an order in which each step has what it needs.
func (f *fixture) prepare(ctx context.Context) error {
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"importing certificates", f.importCertificates},
		{"creating load balancers", f.createBalancers},
		{"creating target groups", f.createGroups},
		{"creating listeners and rules", f.createListeners},
	} {
		if f.interrupted() {
			return context.Canceled
		}
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return nil
}

func (f *fixture) importCertificates(ctx context.Context) error {
	for _, arn := range []*string{&f.certificate, &f.second} {
		certificate, key, err := selfSigned(domain)
		if err != nil {
			return err
		}
		if *arn, err = f.importCertificate(ctx, certificate, key); err != nil {
			return err
		}
	}
	return nil
}

// domain is whom all certificates of the suite are for.
const domain = "shop.example.com"

// importCertificate gives a certificate to ACM until the end.
func (f *fixture) importCertificate(ctx context.Context, certificate, key []byte) (string, error) {
	out, err := f.acm.ImportCertificate(ctx, &acm.ImportCertificateInput{
		Certificate: certificate, PrivateKey: key, Tags: []acmtypes.Tag{{Key: aws.String(TagKey), Value: &f.Prefix}},
	})
	if err != nil {
		return "", err
	}
	f.later(func(ctx context.Context) error {
		_, err := f.acm.DeleteCertificate(ctx, &acm.DeleteCertificateInput{CertificateArn: out.CertificateArn})
		return err
	})
	return *out.CertificateArn, nil
}

// selfSigned is a certificate and its key in PEM.
func selfSigned(name string) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, nil, err
	}
	encoded, err := x509.MarshalECPrivateKey(private)
	return pemOf("CERTIFICATE", raw), pemOf("EC PRIVATE KEY", encoded), err
}

func pemOf(kind string, raw []byte) []byte {
	var text bytes.Buffer
	_ = pem.Encode(&text, &pem.Block{Type: kind, Bytes: raw}) // a buffer takes everything
	return text.Bytes()
}

// tags tell what the suite has made from all else in the account.
func (f *fixture) tags() []elbv2types.Tag {
	return []elbv2types.Tag{{Key: aws.String(TagKey), Value: &f.Prefix}}
}

func (f *fixture) balancerInput(name string, change func(*elbv2.CreateLoadBalancerInput)) *elbv2.CreateLoadBalancerInput {
	in := &elbv2.CreateLoadBalancerInput{
		Name: f.name(name), Subnets: f.Subnets[:2], Scheme: elbv2types.LoadBalancerSchemeEnumInternal,
		Tags: f.tags(),
	}
	if change != nil {
		change(in)
	}
	return in
}

func (f *fixture) createBalancers(ctx context.Context) error {
	for _, wanted := range []struct {
		arn  *string
		name string
		kind elbv2types.LoadBalancerTypeEnum
	}{{&f.balancer, "web", "application"}, {&f.other, "other", "application"}, {&f.network, "net", "network"}} {
		out, err := f.elb.CreateLoadBalancer(ctx, f.balancerInput(wanted.name, func(in *elbv2.CreateLoadBalancerInput) { in.Type = wanted.kind }))
		if err != nil {
			return err
		}
		made := out.LoadBalancers[0]
		*wanted.arn = *made.LoadBalancerArn
		if wanted.name == "web" {
			f.firstState = string(made.State.Code)
		}
		f.later(func(ctx context.Context) error { return f.deleteBalancer(ctx, *made.LoadBalancerArn) })
	}
	return nil
}

func (f *fixture) groupInput(name string, change func(*elbv2.CreateTargetGroupInput)) *elbv2.CreateTargetGroupInput {
	in := &elbv2.CreateTargetGroupInput{
		Name: f.name(name), Protocol: elbv2types.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: &f.VPC, TargetType: elbv2types.TargetTypeEnumIp, Tags: f.tags(),
	}
	if change != nil {
		change(in)
	}
	return in
}

// createGroup makes a group that is removed in the end.
func (f *fixture) createGroup(ctx context.Context, name string, change func(*elbv2.CreateTargetGroupInput)) (elbv2types.TargetGroup, error) {
	out, err := f.elb.CreateTargetGroup(ctx, f.groupInput(name, change))
	if err != nil {
		return elbv2types.TargetGroup{}, err
	}
	made := out.TargetGroups[0]
	f.later(func(ctx context.Context) error {
		_, err := f.elb.DeleteTargetGroup(ctx, &elbv2.DeleteTargetGroupInput{TargetGroupArn: made.TargetGroupArn})
		return err
	})
	return made, nil
}

func (f *fixture) createGroups(ctx context.Context) error {
	for _, wanted := range []struct {
		arn      *string
		name     string
		protocol elbv2types.ProtocolEnum
	}{{&f.used, "used", "HTTP"}, {&f.unused, "unused", "HTTP"}, {&f.stream, "stream", "TCP"}} {
		made, err := f.createGroup(ctx, wanted.name, func(in *elbv2.CreateTargetGroupInput) { in.Protocol = wanted.protocol })
		if err != nil {
			return err
		}
		*wanted.arn = *made.TargetGroupArn
	}
	return nil
}

func (f *fixture) createListeners(ctx context.Context) error {
	for _, wanted := range []struct {
		arn *string
		in  *elbv2.CreateListenerInput
	}{
		{&f.listener, f.listenerInput(80, nil)},
		{&f.secureListener, f.listenerInput(443, func(in *elbv2.CreateListenerInput) {
			in.Protocol, in.Certificates = elbv2types.ProtocolEnumHttps, []elbv2types.Certificate{{CertificateArn: &f.certificate}}
		})},
		{&f.streamListener, f.listenerInput(80, func(in *elbv2.CreateListenerInput) {
			in.LoadBalancerArn, in.Protocol, in.DefaultActions = &f.network, elbv2types.ProtocolEnumTcp, forwardTo(f.stream)
		})},
	} {
		out, err := f.elb.CreateListener(ctx, wanted.in)
		if err != nil {
			return err
		}
		*wanted.arn = *out.Listeners[0].ListenerArn
		f.later(func(ctx context.Context) error {
			_, err := f.elb.DeleteListener(ctx, &elbv2.DeleteListenerInput{ListenerArn: out.Listeners[0].ListenerArn})
			return err
		})
	}
	rule, err := f.elb.CreateRule(ctx, f.ruleInput(10, nil))
	if err != nil {
		return err
	}
	f.rule = *rule.Rules[0].RuleArn
	all, err := f.elb.DescribeRules(ctx, &elbv2.DescribeRulesInput{ListenerArn: &f.listener})
	if err != nil {
		return err
	}
	f.defaultRule = *all.Rules[len(all.Rules)-1].RuleArn
	return nil
}

func (f *fixture) listenerInput(port int32, change func(*elbv2.CreateListenerInput)) *elbv2.CreateListenerInput {
	in := &elbv2.CreateListenerInput{
		LoadBalancerArn: &f.balancer, Port: &port, Protocol: elbv2types.ProtocolEnumHttp, DefaultActions: forwardTo(f.used),
	}
	if change != nil {
		change(in)
	}
	return in
}

func (f *fixture) ruleInput(priority int32, change func(*elbv2.CreateRuleInput)) *elbv2.CreateRuleInput {
	in := &elbv2.CreateRuleInput{
		ListenerArn: &f.listener, Priority: &priority, Actions: answerWith("200"), Conditions: []elbv2types.RuleCondition{pathIs("/conformance")},
	}
	if change != nil {
		change(in)
	}
	return in
}

func forwardTo(groups ...string) []elbv2types.Action {
	config := &elbv2types.ForwardActionConfig{}
	for _, g := range groups {
		config.TargetGroups = append(config.TargetGroups, elbv2types.TargetGroupTuple{TargetGroupArn: aws.String(g), Weight: aws.Int32(1)})
	}
	return []elbv2types.Action{{Type: elbv2types.ActionTypeEnumForward, ForwardConfig: config}}
}

func answerWith(status string) []elbv2types.Action {
	return []elbv2types.Action{{Type: elbv2types.ActionTypeEnumFixedResponse, FixedResponseConfig: &elbv2types.FixedResponseActionConfig{StatusCode: &status}}}
}

func pathIs(values ...string) elbv2types.RuleCondition {
	return elbv2types.RuleCondition{Field: aws.String("path-pattern"), PathPatternConfig: &elbv2types.PathPatternConditionConfig{Values: values}}
}

func hostIs(values ...string) elbv2types.RuleCondition {
	return elbv2types.RuleCondition{Field: aws.String("host-header"), HostHeaderConfig: &elbv2types.HostHeaderConditionConfig{Values: values}}
}
