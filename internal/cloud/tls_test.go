package cloud_test

import (
	"math/rand/v2"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// An HTTPS listener comes, changes certificate and policy, and goes; the target groups behind it speak each version.
// After each, AWS has what was wanted, and a second plan is empty.
func TestSecureListenersConverge(t *testing.T) {
	t.Parallel()
	w := &walk{T: t, random: rand.New(rand.NewPCG(1, 1)), aws: newAWS(t, "127.47.0.0/16")}
	w.cloud = newCloud(t, w.aws)
	one, two := certificate(w, "one.example.com"), certificate(w, "two.example.com")
	for _, annotations := range []map[string]string{
		{"certificate-arn": one},
		{"certificate-arn": two, "ssl-policy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
		{"certificate-arn": two, "backend-protocol-version": "HTTP2"},
		{"certificate-arn": two, "backend-protocol-version": "GRPC"},
		{"certificate-arn": two, "backend-protocol-version": "GRPC", "success-codes": "0-12", "healthcheck-path": "/grpc.health.v1.Health/Check"},
		{"certificate-arn": one, "listen-ports": `[{"HTTP": 80}, {"HTTPS": 443}]`},
		{"listen-ports": `[{"HTTP": 443}]`},
		{"certificate-arn": one, "backend-protocol-version": "GRPC"},
		{"listen-ports": `[{"HTTP": 443}]`},
		{"certificate-arn": one, "backend-protocol-version": "HTTP2"},
	} {
		w.reach(w.build(secured(annotations)))
	}
}

// secured is an Ingress with these annotations.
func secured(annotations map[string]string) *networkingv1.Ingress {
	object := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: id.Namespace, Name: id.Name, Annotations: map[string]string{}}}
	for key, value := range annotations {
		object.Annotations[prefix+key] = value
	}
	object.Spec.Rules = []networkingv1.IngressRule{{IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{
		Path: "/", PathType: new(networkingv1.PathTypePrefix),
		Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "cart", Port: networkingv1.ServiceBackendPort{Number: 80}}},
	}}}}}}
	return object
}

// certificate is one that ACM has issued.
func certificate(w *walk, domain string) string {
	w.Helper()
	client := acm.New(acm.Options{
		BaseEndpoint: new(w.aws.URL()), Region: "us-west-2", Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	made, err := client.RequestCertificate(w.Context(), &acm.RequestCertificateInput{DomainName: new(domain), ValidationMethod: acmtypes.ValidationMethodDns})
	if err != nil {
		w.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		described, err := client.DescribeCertificate(w.Context(), &acm.DescribeCertificateInput{CertificateArn: made.CertificateArn})
		if err != nil {
			w.Fatal(err)
		}
		if described.Certificate.Status == acmtypes.CertificateStatusIssued {
			return awssdk.ToString(made.CertificateArn)
		}
	}
	w.Fatalf("the certificate for %s is not issued", domain)
	return ""
}
