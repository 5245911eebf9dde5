package cloud

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/sluice-lb/sluice/internal/model"
)

// actionOf is the action that answers, which is the last, and in AWS's words what comes
// before it. So it is known where requests go, whatever else is done with them.
func actionOf(list []elbv2types.Action, ids map[model.Key]string) model.Action {
	if len(list) == 0 {
		return model.Action{}
	}
	list = slices.SortedStableFunc(slices.Values(list), func(a, b elbv2types.Action) int { return cmp.Compare(deref(a.Order), deref(b.Order)) })
	before, last := list[:len(list)-1], list[len(list)-1]
	out, known := answerOf(last, ids)
	if !known {
		before = list
	}
	out.Unknown = wordsOf(before)
	return out
}

func answerOf(action elbv2types.Action, ids map[model.Key]string) (out model.Action, known bool) {
	switch {
	case action.FixedResponseConfig != nil:
		fixed := action.FixedResponseConfig
		out.FixedResponse = &model.FixedResponse{StatusCode: deref(fixed.StatusCode), ContentType: deref(fixed.ContentType), Body: deref(fixed.MessageBody)}
	case action.RedirectConfig != nil:
		r := action.RedirectConfig
		out.Redirect = &model.Redirect{
			Protocol: deref(r.Protocol), Host: deref(r.Host), Port: deref(r.Port), Path: deref(r.Path), Query: deref(r.Query), DropQuery: r.Query != nil && *r.Query == "",
			StatusCode: string(r.StatusCode),
		}
	case action.ForwardConfig != nil && len(action.ForwardConfig.TargetGroups) > 0:
		for _, target := range action.ForwardConfig.TargetGroups {
			out.Forward = append(out.Forward, model.WeightedTarget{TargetGroup: refOf(deref(target.TargetGroupArn), ids), Weight: target.Weight})
		}
		out.Stickiness = stickinessOf(action.ForwardConfig.TargetGroupStickinessConfig)
	case action.TargetGroupArn != nil:
		out.Forward = []model.WeightedTarget{{TargetGroup: refOf(*action.TargetGroupArn, ids)}}
	default:
		return out, false
	}
	return out, true
}

func stickinessOf(config *elbv2types.TargetGroupStickinessConfig) *model.Stickiness {
	if config == nil {
		return nil
	}
	return &model.Stickiness{Enabled: deref(config.Enabled), Duration: seconds(config.DurationSeconds)}
}

func refOf(arn string, ids map[model.Key]string) model.Key {
	if key, ok := keyOfID(ids, arn); ok {
		return key
	}
	return model.Key(arn)
}

// wordsOf is a text that is equal for equal actions: without their numbers, and without
// what AWS takes and never tells.
func wordsOf(list []elbv2types.Action) string {
	if len(list) == 0 {
		return ""
	}
	list = slices.Clone(list)
	for i := range list {
		list[i].Order = nil
		if list[i].AuthenticateOidcConfig != nil {
			config := *list[i].AuthenticateOidcConfig
			config.ClientSecret, config.UseExistingClientSecret = nil, nil
			list[i].AuthenticateOidcConfig = &config
		}
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic("actions of the SDK are plain data and always marshal: " + err.Error())
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		panic("what was just marshalled can be read: " + err.Error())
	}
	// Fields that are not set go: another version of the SDK has others.
	if text, err = json.Marshal(withoutEmpty(plain)); err != nil {
		panic("what was just read can be marshalled: " + err.Error())
	}
	return string(text)
}

func withoutEmpty(value any) any {
	switch value := value.(type) {
	case map[string]any:
		maps.DeleteFunc(value, func(_ string, v any) bool { return v == nil || v == "" })
		for key := range value {
			value[key] = withoutEmpty(value[key])
		}
	case []any:
		for i := range value {
			value[i] = withoutEmpty(value[i])
		}
	}
	return value
}

// actions are always in the form in which a forward can have several groups; weight and
// stickiness are sent where they are said.
func (a applier) actions(action model.Action) ([]elbv2types.Action, error) {
	out := elbv2types.Action{Order: new(int32(1))}
	switch {
	case action.Unknown != "":
		return nil, fmt.Errorf("the actions %s can be kept as they are, and not be sent", action.Unknown)
	case action.FixedResponse != nil:
		out.Type, out.FixedResponseConfig = elbv2types.ActionTypeEnumFixedResponse, toFixedResponse(*action.FixedResponse)
	case action.Redirect != nil:
		out.Type, out.RedirectConfig = elbv2types.ActionTypeEnumRedirect, toRedirect(*action.Redirect)
	default:
		config, err := a.forward(action)
		if err != nil {
			return nil, err
		}
		out.Type, out.ForwardConfig = elbv2types.ActionTypeEnumForward, config
	}
	return []elbv2types.Action{out}, nil
}

func (a applier) forward(action model.Action) (*elbv2types.ForwardActionConfig, error) {
	out := &elbv2types.ForwardActionConfig{}
	for _, target := range action.Forward {
		arn, err := a.arn(target.TargetGroup)
		if err != nil {
			return nil, err
		}
		out.TargetGroups = append(out.TargetGroups, elbv2types.TargetGroupTuple{TargetGroupArn: new(arn), Weight: target.Weight})
	}
	if sticky := action.Stickiness; sticky != nil {
		out.TargetGroupStickinessConfig = &elbv2types.TargetGroupStickinessConfig{Enabled: new(sticky.Enabled)}
		if sticky.Duration > 0 {
			out.TargetGroupStickinessConfig.DurationSeconds = new(sticky.Duration.Seconds())
		}
	}
	return out, nil
}

func toFixedResponse(fixed model.FixedResponse) *elbv2types.FixedResponseActionConfig {
	return &elbv2types.FixedResponseActionConfig{StatusCode: new(fixed.StatusCode), ContentType: said(fixed.ContentType), MessageBody: said(fixed.Body)}
}

func toRedirect(r model.Redirect) *elbv2types.RedirectActionConfig {
	out := &elbv2types.RedirectActionConfig{
		Protocol: said(r.Protocol), Host: said(r.Host), Port: said(r.Port), Path: said(r.Path), Query: said(r.Query),
		StatusCode: elbv2types.RedirectActionStatusCodeEnum(r.StatusCode),
	}
	if r.DropQuery {
		out.Query = new("")
	}
	return out
}

// said is nil for what is left out.
func said(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
