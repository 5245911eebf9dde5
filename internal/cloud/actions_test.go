package cloud_test

import (
	"math/rand/v2"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	networkingv1 "k8s.io/api/networking/v1"
)

// Whatever an Ingress says of its rules, AWS takes it as it is built, shows it as it was
// wanted, and a second plan is empty. Each state follows the one before it.
func TestActionsConverge(t *testing.T) {
	t.Parallel()
	w := &walk{T: t, random: rand.New(rand.NewPCG(1, 5)), aws: newAWS(t, "127.70.0.0/16")}
	w.cloud = newCloud(t, w.aws)
	group, err := newStranger(t, w.aws.URL()).elb.CreateTargetGroup(t.Context(), &elbv2.CreateTargetGroupInput{
		Name: awssdk.String("old"), Protocol: elbv2types.ProtocolEnumHttp, Port: awssdk.Int32(80), VpcId: awssdk.String(testVPC), TargetType: elbv2types.TargetTypeEnumIp,
	})
	if err != nil {
		t.Fatal(err)
	}
	old := awssdk.ToString(group.TargetGroups[0].TargetGroupArn)
	split := `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"cart","servicePort":80,"weight":9},{"serviceName":"pay","servicePort":"http","weight":1}]}}`
	for _, annotations := range []map[string]string{
		{"actions.x": split},
		{"actions.x": `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"cart","servicePort":80,"weight":0},{"targetGroupARN":"` + old + `","weight":999}],"targetGroupStickinessConfig":{"enabled":true,"durationSeconds":60}}}`},
		{"actions.x": `{"type":"forward","targetGroupARN":"` + old + `"}`},
		{"actions.x": `{"type":"redirect","redirectConfig":{"host":"www.example.com","statusCode":"HTTP_302"}}`},
		{"actions.x": `{"type":"redirect","redirectConfig":{"host":"#{host}","path":"/moved/#{path}","port":"#{port}","protocol":"#{protocol}","query":"","statusCode":"HTTP_301"}}`},
		{"actions.x": `{"type":"fixed-response","fixedResponseConfig":{"statusCode":"503"}}`},
		{"actions.x": `{"type":"fixed-response","fixedResponseConfig":{"contentType":"application/json","messageBody":"{}","statusCode":"200"}}`},
		{
			"actions.x":    split,
			"conditions.x": `[{"field":"http-header","httpHeaderConfig":{"httpHeaderName":"X-Beta","values":["*"]}},{"field":"query-string","queryStringConfig":{"values":[{"key":"v","value":"2"}]}}]`,
		},
		{
			"actions.x":    split,
			"conditions.x": `[{"field":"query-string","queryStringConfig":{"values":[{"value":"beta"}]}},{"field":"http-request-method","httpRequestMethodConfig":{"values":["GET"]}},{"field":"source-ip","sourceIPConfig":{"values":["10.0.0.0/8"]}}]`,
		},
		{
			"actions.x":    split,
			"conditions.x": `[{"field":"host-header","hostHeaderConfig":{"regexValues":["^.+\\.example\\.com$"]}},{"field":"http-header","httpHeaderConfig":{"httpHeaderName":"User-Agent","regexValues":["^Mobile"]}}]`,
			"transforms.x": `[{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"regex":"^/x/(.*)$","replace":"/$1"}]}},{"type":"host-header-rewrite","hostHeaderRewriteConfig":{"rewrites":[{"regex":"^(.*)\\.example\\.com$","replace":"$1.internal"}]}}]`,
		},
		{"actions.x": split, "transforms.x": `[{"type":"url-rewrite","urlRewriteConfig":{"rewrites":[{"regex":"^/x$","replace":""}]}}]`, "use-regex-path-match": "true"},
		{"conditions.cart": `[{"field":"host-header","hostHeaderConfig":{"values":["*.example.com","example.org"]}}]`},
		{"listen-ports": `[{"HTTP":80},{"HTTP":8080}]`, "actions.x": `{"type":"redirect","redirectConfig":{"port":"8080","statusCode":"HTTP_301"}}`},
	} {
		object := secured(annotations)
		paths := &object.Spec.Rules[0].HTTP.Paths
		*paths = append(*paths, actionPath("/x", networkingv1.PathTypePrefix), actionPath("/y*", networkingv1.PathTypeImplementationSpecific))
		object.Spec.DefaultBackend = new(actionPath("", networkingv1.PathTypeExact).Backend)
		w.reach(w.build(object))
	}
}

// actionPath leads to the action x.
func actionPath(path string, kind networkingv1.PathType) networkingv1.HTTPIngressPath {
	return networkingv1.HTTPIngressPath{
		Path: path, PathType: &kind,
		Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "x", Port: networkingv1.ServiceBackendPort{Name: "use-annotation"}}},
	}
}
