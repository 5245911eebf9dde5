package cloud

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

func (a applier) listener(ctx context.Context, action plan.Action) error {
	switch action := action.(type) {
	case plan.CreateListener:
		return a.createListener(ctx, action.Want)
	case plan.ModifyListener:
		return a.modifyListener(ctx, action.Want)
	case plan.ModifyListenerAttributes:
		return a.modifyListenerAttributes(ctx, action)
	case plan.AddListenerCertificate:
		return a.addCertificate(ctx, action)
	case plan.RemoveListenerCertificate:
		return a.removeCertificate(ctx, action)
	case plan.DeleteListener:
		return a.deleteListener(ctx, action.ID)
	}
	return nil
}

func (a applier) createListener(ctx context.Context, want model.Listener) error {
	lb, err := a.arn(model.LoadBalancerKey)
	if err != nil {
		return err
	}
	actions, err := a.actions(want.Default)
	if err != nil {
		return err
	}
	out, err := elbCall(ctx, a.Cloud, Change, "CreateListener", a.elb.CreateListener, &elbv2.CreateListenerInput{
		LoadBalancerArn: new(lb), Port: new(want.Port), Protocol: elbv2types.ProtocolEnum(want.Protocol), DefaultActions: actions, Tags: toELBTags(want.Tags),
		Certificates: certificatesOf(want), SslPolicy: said(want.SSLPolicy),
	})
	if err != nil {
		return err
	}
	want.SNI, want.Attributes = nil, nil // set in steps of their own
	want.SSLPolicy = deref(out.Listeners[0].SslPolicy)
	a.h.observed.Listeners = append(a.h.observed.Listeners, want)
	a.h.observed.IDs[want.Key] = deref(out.Listeners[0].ListenerArn)
	a.h.opened[want.Key] = time.Now()
	return nil
}

func (a applier) modifyListener(ctx context.Context, want model.Listener) error {
	arn, err := a.arn(want.Key)
	if err != nil {
		return err
	}
	actions, err := a.actions(want.Default)
	if err != nil {
		return err
	}
	out, err := elbCall(ctx, a.Cloud, Change, "ModifyListener", a.elb.ModifyListener, &elbv2.ModifyListenerInput{
		ListenerArn: new(arn), Port: new(want.Port), Protocol: elbv2types.ProtocolEnum(want.Protocol), DefaultActions: actions,
		Certificates: certificatesOf(want), SslPolicy: said(want.SSLPolicy),
	})
	if err != nil {
		return err
	}
	known := a.knownListener(want.Key)
	if known.Protocol != want.Protocol { // and so it has other attributes
		known.Attributes = nil
		delete(a.h.attributes, want.Key)
	}
	known.Protocol, known.Default, known.Certificate, known.SSLPolicy = want.Protocol, want.Default, want.Certificate, deref(out.Listeners[0].SslPolicy)
	if want.Certificate == "" {
		known.SNI = nil // they have gone with TLS
	}
	return nil
}

// certificatesOf is nil where there is no TLS: AWS refuses one there.
func certificatesOf(listener model.Listener) []elbv2types.Certificate {
	if listener.Certificate == "" {
		return nil
	}
	return []elbv2types.Certificate{{CertificateArn: new(listener.Certificate)}}
}

func (a applier) modifyListenerAttributes(ctx context.Context, action plan.ModifyListenerAttributes) error {
	arn, err := a.arn(action.Listener)
	if err != nil {
		return err
	}
	var attributes []elbv2types.ListenerAttribute
	for _, key := range slices.Sorted(maps.Keys(action.Attributes)) {
		attributes = append(attributes, elbv2types.ListenerAttribute{Key: new(key), Value: new(action.Attributes[key])})
	}
	out, err := elbCall(ctx, a.Cloud, Change, "ModifyListenerAttributes", a.elb.ModifyListenerAttributes,
		&elbv2.ModifyListenerAttributesInput{ListenerArn: new(arn), Attributes: attributes})
	if err != nil {
		return err
	}
	known := a.knownListener(action.Listener)
	known.Attributes = merged(known.Attributes, merged(listenerAttributesOf(out.Attributes), action.Attributes))
	a.h.attributes[action.Listener] = true
	return nil
}

// addCertificate adds one, for that is all that a call takes (ELBv2 API reference). It
// succeeds also where the certificate is there already.
func (a applier) addCertificate(ctx context.Context, action plan.AddListenerCertificate) error {
	arn, err := a.arn(action.Listener)
	if err != nil {
		return err
	}
	_, err = elbCall(ctx, a.Cloud, Change, "AddListenerCertificates", a.elb.AddListenerCertificates, &elbv2.AddListenerCertificatesInput{
		ListenerArn: new(arn), Certificates: []elbv2types.Certificate{{CertificateArn: new(action.Certificate)}},
	})
	if err != nil {
		return err
	}
	known := a.knownListener(action.Listener)
	known.SNI = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(known.SNI), action.Certificate))))
	if limits := &a.h.observed.Limits; a.certificates() > limits.Certificates {
		limits.Certificates = 0 // AWS takes more by now
	}
	return nil
}

func (a applier) removeCertificate(ctx context.Context, action plan.RemoveListenerCertificate) error {
	arn, err := a.arn(action.Listener)
	if err != nil {
		return err
	}
	_, err = elbCall(ctx, a.Cloud, Change, "RemoveListenerCertificates", a.elb.RemoveListenerCertificates, &elbv2.RemoveListenerCertificatesInput{
		ListenerArn: new(arn), Certificates: []elbv2types.Certificate{{CertificateArn: new(action.Certificate)}},
	})
	if err != nil {
		return err
	}
	known := a.knownListener(action.Listener)
	known.SNI = slices.DeleteFunc(slices.Clone(known.SNI), func(arn string) bool { return arn == action.Certificate })
	return nil
}

func (a applier) deleteListener(ctx context.Context, arn string) error {
	_, err := elbCall(ctx, a.Cloud, Change, "DeleteListener", a.elb.DeleteListener, &elbv2.DeleteListenerInput{ListenerArn: new(arn)})
	if err := ignoreGone(err); err != nil {
		return err
	}
	if key, ok := keyOfID(a.h.observed.IDs, arn); ok {
		for _, rule := range slices.Clone(a.h.observed.Rules) {
			if rule.Listener == key {
				a.forgetID(a.h.observed.IDs[rule.Key])
			}
		}
	}
	a.forgetID(arn)
	return nil
}

// knownListener is never nil: a listener without an entry gives a blank to write to.
func (a applier) knownListener(key model.Key) *model.Listener {
	if known := at(a.h.observed.Listeners, func(l model.Listener) bool { return l.Key == key }); known != nil {
		return known
	}
	return &model.Listener{}
}

// certificates is how many there are beside the default ones.
func (a applier) certificates() int {
	count := 0
	for _, listener := range a.h.observed.Listeners {
		count += len(listener.SNI)
	}
	return count
}

// opening is how long AWS may not know everywhere of a listener that it has made.
const opening = 20 * time.Second

// listenerKey is the key of the listener that a step needs.
func (a applier) listenerKey() model.Key {
	switch action := a.step.Action.(type) {
	case plan.CreateRule:
		return action.Want.Listener
	case plan.ModifyListenerAttributes:
		return action.Listener
	case plan.AddListenerCertificate:
		return action.Listener
	}
	if strings.HasPrefix(string(a.step.Key), "listener/") {
		return a.step.Key
	}
	return ""
}
