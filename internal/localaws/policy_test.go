package localaws_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestEveryCallOfThePolicyIsThere: what the IAM policy of aws-load-balancer-controller 3.5 lists is an operation here. A
// call without parameters may be refused, but not as one that nobody knows.
func TestEveryCallOfThePolicyIsThere(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	for _, service := range []struct {
		name, version, target string // as signed for, and one of: of the query protocols, of the JSON protocols
		operations            string
	}{
		{"ec2", "2016-11-15", "", `DescribeAccountAttributes DescribeAddresses DescribeAvailabilityZones DescribeInternetGateways
			DescribeVpcs DescribeVpcPeeringConnections DescribeSubnets DescribeSecurityGroups DescribeInstances
			DescribeNetworkInterfaces DescribeTags DescribeCoipPools DescribeIpamPools DescribeRouteTables GetCoipPoolUsage
			GetSecurityGroupsForVpc AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress CreateSecurityGroup CreateTags
			DeleteTags DeleteSecurityGroup`},
		{"elasticloadbalancing", "2015-12-01", "", `DescribeLoadBalancers DescribeLoadBalancerAttributes DescribeListeners
			DescribeListenerCertificates DescribeListenerAttributes DescribeSSLPolicies DescribeRules DescribeTargetGroups
			DescribeTargetGroupAttributes DescribeTargetHealth DescribeTags DescribeTrustStores DescribeCapacityReservation
			CreateLoadBalancer CreateTargetGroup AddTags RemoveTags CreateListener DeleteListener CreateRule DeleteRule
			ModifyListener ModifyRule SetRulePriorities AddListenerCertificates RemoveListenerCertificates SetWebAcl
			ModifyLoadBalancerAttributes SetIpAddressType SetSecurityGroups SetSubnets DeleteLoadBalancer ModifyTargetGroup
			ModifyTargetGroupAttributes DeleteTargetGroup ModifyListenerAttributes ModifyCapacityReservation ModifyIpPools
			RegisterTargets DeregisterTargets`},
		{"iam", "2010-05-08", "", "CreateServiceLinkedRole ListServerCertificates GetServerCertificate"},
		{"sts", "2011-06-15", "", "AssumeRole AssumeRoleWithWebIdentity GetCallerIdentity"},
		{"acm", "", "CertificateManager", "ListCertificates DescribeCertificate RequestCertificate DeleteCertificate AddTagsToCertificate ListTagsForCertificate"},
		{"cognito-idp", "", "AWSCognitoIdentityProviderService", "DescribeUserPoolClient"},
		{"waf-regional", "", "AWSWAF_Regional_20161128", "GetWebACL GetWebACLForResource AssociateWebACL DisassociateWebACL"},
		{"wafv2", "", "AWSWAF_20190729", "GetWebACL GetWebACLForResource AssociateWebACL DisassociateWebACL ListWebACLs"},
		{"shield", "", "AWSShield_20160616", "GetSubscriptionState DescribeProtection CreateProtection DeleteProtection"},
		{"tagging", "", "ResourceGroupsTaggingAPI_20170126", "GetResources"},
	} {
		for operation := range strings.FieldsSeq(service.operations) {
			if operation == "SetWebAcl" {
				continue // a permission for WAF's sake; the API has no such operation
			}
			body, header := url.Values{"Action": {operation}, "Version": {service.version}}.Encode(), http.Header{}
			header.Set("Content-Type", "application/x-www-form-urlencoded")
			if service.target != "" {
				body = "{}"
				header.Set("Content-Type", "application/x-amz-json-1.1")
				header.Set("X-Amz-Target", service.target+"."+operation)
			}
			header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=key/20260101/us-west-2/%s/aws4_request", service.name))
			if answer := c.post(header, body); strings.Contains(answer, "InvalidAction") || strings.Contains(answer, "UnknownOperation") {
				t.Errorf("%s:%s: %s", service.name, operation, answer)
			}
		}
	}
}

// post sends a call as it is and returns what comes back, whatever the status.
func (c *cloud) post(header http.Header, body string) string {
	c.Helper()
	request, err := http.NewRequestWithContext(c.Context(), http.MethodPost, c.URL(), strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		c.Fatal(err)
	}
	return string(answer)
}
