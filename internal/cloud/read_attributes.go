package cloud

import (
	"context"

	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/sluice-lb/sluice/internal/model"
)

// readAttributes reads those of what the wanted stack sets some of, unless they are known.
func (r reader) readAttributes(ctx context.Context, h *holding, want model.Stack) error {
	if have := h.observed.LoadBalancer; want.LoadBalancer != nil && have != nil {
		if err := r.readOnce(ctx, h, have.Key, want.LoadBalancer.Attributes, &have.Attributes, r.loadBalancerAttributes); err != nil {
			return err
		}
	}
	for _, listener := range want.Listeners {
		if have := at(h.observed.Listeners, func(l model.Listener) bool { return l.Key == listener.Key }); have != nil {
			if err := r.readOnce(ctx, h, have.Key, listener.Attributes, &have.Attributes, r.listenerAttributes); err != nil {
				return err
			}
		}
	}
	for _, group := range want.TargetGroups {
		if have := at(h.observed.TargetGroups, func(g model.TargetGroup) bool { return g.Key == group.Key }); have != nil {
			if err := r.readOnce(ctx, h, have.Key, group.Attributes, &have.Attributes, r.targetGroupAttributes); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r reader) readOnce(ctx context.Context, h *holding, key model.Key, wanted map[string]string, into *map[string]string,
	read func(ctx context.Context, arn string) (map[string]string, error),
) error {
	if len(wanted) == 0 || h.attributes[key] {
		return nil
	}
	attributes, err := read(ctx, h.observed.IDs[key])
	if err != nil {
		return err
	}
	*into, h.attributes[key] = attributes, true
	return nil
}

func (r reader) loadBalancerAttributes(ctx context.Context, arn string) (map[string]string, error) {
	out, err := elbRead(ctx, r, "DescribeLoadBalancerAttributes", r.elb.DescribeLoadBalancerAttributes, &elbv2.DescribeLoadBalancerAttributesInput{LoadBalancerArn: new(arn)})
	if err != nil {
		return nil, err
	}
	return pairsOf(out.Attributes, func(a elbv2types.LoadBalancerAttribute) (key, value *string) { return a.Key, a.Value }), nil
}

func (r reader) listenerAttributes(ctx context.Context, arn string) (map[string]string, error) {
	out, err := elbRead(ctx, r, "DescribeListenerAttributes", r.elb.DescribeListenerAttributes, &elbv2.DescribeListenerAttributesInput{ListenerArn: new(arn)})
	if err != nil {
		return nil, err
	}
	return listenerAttributesOf(out.Attributes), nil
}

func listenerAttributesOf(list []elbv2types.ListenerAttribute) map[string]string {
	return pairsOf(list, func(a elbv2types.ListenerAttribute) (key, value *string) { return a.Key, a.Value })
}

func (r reader) targetGroupAttributes(ctx context.Context, arn string) (map[string]string, error) {
	out, err := elbRead(ctx, r, "DescribeTargetGroupAttributes", r.elb.DescribeTargetGroupAttributes, &elbv2.DescribeTargetGroupAttributesInput{TargetGroupArn: new(arn)})
	if err != nil {
		return nil, err
	}
	return pairsOf(out.Attributes, func(a elbv2types.TargetGroupAttribute) (key, value *string) { return a.Key, a.Value }), nil
}

func pairsOf[T any](list []T, pair func(T) (key, value *string)) map[string]string {
	out := map[string]string{}
	for _, each := range list {
		key, value := pair(each)
		out[deref(key)] = deref(value)
	}
	return out
}
