package cloud

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"golang.org/x/time/rate"

	"github.com/sluice-lb/sluice/internal/model"
)

// reader reads AWS for somebody of this urgency, who may have a pace of his own.
type reader struct {
	*Cloud
	class Class
	pace  *rate.Limiter // nil: as the budget allows
}

func (c *Cloud) reader() reader { return reader{Cloud: c, class: Read} }

func (r reader) wait(ctx context.Context) error {
	if r.pace == nil {
		return nil
	}
	return r.pace.Wait(ctx)
}

func elbRead[In, Out any](ctx context.Context, r reader, operation string,
	method func(context.Context, *In, ...func(*elbv2.Options)) (*Out, error), in *In,
) (*Out, error) {
	if err := r.wait(ctx); err != nil {
		return nil, err
	}
	return elbCall(ctx, r.Cloud, r.class, operation, method, in)
}

func acmRead[In, Out any](ctx context.Context, r reader, operation string,
	method func(context.Context, *In, ...func(*acm.Options)) (*Out, error), in *In,
) (*Out, error) {
	if err := r.wait(ctx); err != nil {
		return nil, err
	}
	return acmCall(ctx, r.Cloud, r.class, operation, method, in)
}

func ec2Read[In, Out any](ctx context.Context, r reader, operation string,
	method func(context.Context, *In, ...func(*ec2.Options)) (*Out, error), in *In,
) (*Out, error) {
	if err := r.wait(ctx); err != nil {
		return nil, err
	}
	return ec2Call(ctx, r.Cloud, r.class, operation, method, in)
}

func (r reader) readListeners(ctx context.Context, h *holding) error {
	var arns []string
	h.observed.Listeners, h.observed.Rules = nil, nil
	in := &elbv2.DescribeListenersInput{LoadBalancerArn: new(h.observed.IDs[model.LoadBalancerKey])}
	for {
		out, err := elbRead(ctx, r, "DescribeListeners", r.elb.DescribeListeners, in)
		if err != nil {
			return err
		}
		for _, found := range out.Listeners {
			listener := listenerOf(found, h.observed.IDs)
			h.observed.Listeners = append(h.observed.Listeners, listener)
			h.observed.IDs[listener.Key] = deref(found.ListenerArn)
			arns = append(arns, deref(found.ListenerArn))
		}
		if in.Marker = out.NextMarker; in.Marker == nil {
			break
		}
	}
	if err := r.readCertificates(ctx, h); err != nil {
		return err
	}
	for _, listener := range h.observed.Listeners {
		rules, err := r.readRules(ctx, h, listener)
		if err != nil {
			return err
		}
		arns = append(arns, rules...)
	}
	return r.readTags(ctx, h, arns)
}

// readCertificates reads those beside the default one, which is listed too, and once more
// where it was also added.
func (r reader) readCertificates(ctx context.Context, h *holding) error {
	for i, listener := range h.observed.Listeners {
		if listener.Protocol != string(elbv2types.ProtocolEnumHttps) {
			continue
		}
		in := &elbv2.DescribeListenerCertificatesInput{ListenerArn: new(h.observed.IDs[listener.Key])}
		for {
			out, err := elbRead(ctx, r, "DescribeListenerCertificates", r.elb.DescribeListenerCertificates, in)
			if err != nil {
				return err
			}
			for _, certificate := range out.Certificates {
				if !deref(certificate.IsDefault) {
					listener.SNI = append(listener.SNI, deref(certificate.CertificateArn))
				}
			}
			if in.Marker = out.NextMarker; in.Marker == nil {
				break
			}
		}
		slices.Sort(listener.SNI)
		h.observed.Listeners[i] = listener
	}
	return nil
}

func (r reader) readRules(ctx context.Context, h *holding, listener model.Listener) ([]string, error) {
	var arns []string
	in := &elbv2.DescribeRulesInput{ListenerArn: new(h.observed.IDs[listener.Key])}
	for {
		out, err := elbRead(ctx, r, "DescribeRules", r.elb.DescribeRules, in)
		if err != nil {
			return nil, err
		}
		slices.SortFunc(out.Rules, func(a, b elbv2types.Rule) int { return int(priorityOf(a) - priorityOf(b)) })
		for _, found := range out.Rules {
			if deref(found.IsDefault) {
				continue
			}
			rule := ruleOf(found, listener, h.observed.IDs)
			rule.Key = freeKey(h, rule.Key)
			h.observed.Rules = append(h.observed.Rules, rule)
			h.observed.IDs[rule.Key] = deref(found.RuleArn)
			arns = append(arns, deref(found.RuleArn))
		}
		if in.Marker = out.NextMarker; in.Marker == nil {
			return arns, nil
		}
	}
}

func (r reader) readTags(ctx context.Context, h *holding, arns []string) error {
	tags := map[string]map[string]string{}
	for chunk := range slices.Chunk(arns, tagsACall) {
		out, err := elbRead(ctx, r, "DescribeTags", r.elb.DescribeTags, &elbv2.DescribeTagsInput{ResourceArns: chunk})
		if err != nil {
			return err
		}
		for _, described := range out.TagDescriptions {
			tags[deref(described.ResourceArn)] = elbTags(described.Tags)
		}
	}
	for i, listener := range h.observed.Listeners {
		h.observed.Listeners[i].Tags = tags[h.observed.IDs[listener.Key]]
	}
	for i, rule := range h.observed.Rules {
		h.observed.Rules[i].Tags = tags[h.observed.IDs[rule.Key]]
	}
	return nil
}
