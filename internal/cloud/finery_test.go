package cloud_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"hash/fnv"
	"math/big"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/model"
)

// finery is what the model can say and Ingresses of scenes do not ask for. What a resource gets
// depends on its key and the seed alone, so that a controller that died wants the same again.
type finery struct {
	seed         uint64
	certificates []string
}

// of are the dice of one resource.
func (f finery) of(key model.Key) scenes {
	sum := fnv.New64a()
	sum.Write([]byte(key))
	return scenes{mathrand.New(mathrand.NewPCG(f.seed, sum.Sum64()))}
}

// dress adds to a stack; what is kept as it was found is left alone.
func (f finery) dress(stack *model.Stack, kept func(group model.Key) bool) {
	if stack == nil || stack.LoadBalancer == nil || f.seed == 0 {
		return
	}
	ports := map[model.Key]int32{}
	for i := range stack.Listeners {
		ports[stack.Listeners[i].Key] = stack.Listeners[i].Port
		f.listener(&stack.Listeners[i])
	}
	same := map[model.Key]int{}
	for i := range stack.Rules {
		rule := &stack.Rules[i]
		if !slices.ContainsFunc(rule.Action.Forward, func(t model.WeightedTarget) bool { return kept(t.TargetGroup) }) {
			f.rule(rule, stack.TargetGroups)
		}
		base := model.RuleKey(ports[rule.Listener], rule.Conditions)
		rule.Key = base.Nth(same[base])
		same[base]++
	}
}

func (f finery) listener(l *model.Listener) {
	r := f.of(l.Key)
	if r.IntN(3) == 0 {
		f.secure(r, l)
	}
	if r.IntN(3) == 0 {
		l.Attributes = map[string]string{"routing.http.response.server.enabled": pick(r, "true", "false")}
		if r.IntN(2) == 0 {
			l.Attributes["routing.http.response.x_content_type_options.header_value"] = "nosniff"
		}
	}
}

// secure gives a listener certificates, the default one among the others or not.
func (f finery) secure(r scenes, l *model.Listener) {
	l.Protocol, l.Certificate, l.SNI = "HTTPS", pick(r, f.certificates...), nil
	l.SSLPolicy = pick(r, "", "ELBSecurityPolicy-2016-08", "ELBSecurityPolicy-TLS13-1-2-2021-06")
	for _, arn := range f.certificates {
		if r.IntN(2) == 0 {
			l.SNI = append(l.SNI, arn)
		}
	}
	slices.Sort(l.SNI)
}

func redirectTo(r scenes) *model.Redirect {
	return pick(r,
		&model.Redirect{Host: "other.example.com", StatusCode: "HTTP_301"},
		&model.Redirect{Protocol: "HTTPS", Port: "8443", Query: "from=here&#{query}", StatusCode: "HTTP_302"},
		&model.Redirect{Protocol: "#{protocol}", Host: "#{host}", Port: "#{port}", Path: "/moved/#{path}", Query: "#{query}", StatusCode: "HTTP_302"},
		&model.Redirect{Host: "other.example.com", DropQuery: true, StatusCode: "HTTP_302"},
	)
}

func (f finery) rule(rule *model.Rule, groups []model.TargetGroup) {
	r := f.of(model.Key(string(rule.Listener) + string(rule.Key)))
	rule.Conditions = slices.Clone(rule.Conditions)
	if r.IntN(2) == 0 {
		rule.Conditions = append(rule.Conditions, condition(r))
	}
	if path := slices.IndexFunc(rule.Conditions, func(c model.Condition) bool { return c.Field == model.PathPattern }); path >= 0 && r.IntN(4) == 0 {
		rule.Conditions[path] = model.Condition{Field: model.PathPattern, Regex: []string{"^/[a-z]+" + pick(r, "", "/x")}}
	}
	model.SortConditions(rule.Conditions)
	if len(rule.Action.Forward) != 1 {
		return
	}
	switch r.IntN(4) {
	case 0:
		rule.Action = model.Action{Redirect: redirectTo(r)}
		return
	case 1:
		rule.Action = weighted(r, rule.Action.Forward[0].TargetGroup, groups)
	}
	rule.Transforms = transforms(r)
}

// condition has at most two values: a rule may have five.
func condition(r scenes) model.Condition {
	return pick(r,
		model.Condition{Field: model.HTTPHeader, Header: "X-Team", Values: []string{"red", "blue*"}},
		model.Condition{Field: model.HTTPHeader, Header: "User-Agent", Regex: []string{"^curl/[0-9]"}},
		model.Condition{Field: model.QueryString, Query: []model.Pair{{Key: "v", Value: "2"}, {Value: "beta"}}},
		model.Condition{Field: model.Method, Values: []string{"PUT", "GET"}},
		model.Condition{Field: model.SourceIP, Values: []string{"192.0.2.0/24", "10.0.0.0/8"}},
	)
}

// weighted forwards to a group and to the others that the same Ingress has.
func weighted(r scenes, first model.Key, groups []model.TargetGroup) model.Action {
	member, _, _ := strings.Cut(first.Resource(), "-")
	out := model.Action{Forward: []model.WeightedTarget{{TargetGroup: first, Weight: new(int32(r.IntN(1000)))}}}
	for _, group := range groups {
		if group.Key != first && strings.HasPrefix(group.Key.Resource(), member+"-") && len(out.Forward) < 3 {
			out.Forward = append(out.Forward, model.WeightedTarget{TargetGroup: group.Key, Weight: new(int32(r.IntN(1000)))})
		}
	}
	out.Stickiness = pick(r, nil, &model.Stickiness{}, &model.Stickiness{Enabled: true, Duration: model.Duration(time.Hour)})
	return out
}

func transforms(r scenes) []model.Transform {
	path := model.Transform{Type: model.URLRewrite, Rewrites: []model.Rewrite{{Regex: "^/" + pick(r, "a", "b"), Replace: "/"}}}
	host := model.Transform{Type: model.HostRewrite, Rewrites: []model.Rewrite{{Regex: "example.com$", Replace: "internal"}}}
	return pick(r, nil, nil, []model.Transform{path}, []model.Transform{path, host})
}

// serverCertificate is an ARN of IAM: it holds the name.
const serverCertificate = "arn:aws:iam::123456789012:server-certificate/"

// serverCertificates are made in IAM.
func serverCertificates(t *testing.T, local *localaws.Cloud, names ...string) []string {
	t.Helper()
	var arns []string
	for _, name := range names {
		pair := selfSigned()
		form := url.Values{"Action": {"UploadServerCertificate"}, "Version": {"2010-05-08"}, "ServerCertificateName": {name}, "CertificateBody": {pair[0]}, "PrivateKey": {pair[1]}}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, local.URL(), strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := local.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("uploading the certificate %s: %s", name, answer.Status)
		}
		arns = append(arns, serverCertificate+name)
	}
	return arns
}

// selfSigned is a certificate and its key, one for all tests.
var selfSigned = sync.OnceValue(func() [2]string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "example.com"}, DNSNames: []string{"example.com"},
		NotBefore: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return [2]string{
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
	}
})
