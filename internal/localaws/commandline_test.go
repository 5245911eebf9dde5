package localaws_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws"
)

// commandLines are the aws command lines of this machine, by their versions: the user's, and with ALL_COMMAND_LINES=1,
// since each takes a minute, the distribution's too.
func commandLines(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	if testing.Short() {
		t.Skip("no time for command lines")
	}
	names := []string{"aws"}
	if os.Getenv("ALL_COMMAND_LINES") != "" {
		names = append(names, "/usr/bin/aws")
	}
	for _, name := range names {
		command, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if version, err := exec.CommandContext(t.Context(), command, "--version").Output(); err == nil {
			word, _, _ := strings.Cut(string(version), " ")
			found[strings.ReplaceAll(word, "/", "-")] = command
		}
	}
	if len(found) == 0 {
		t.Skip("no aws command line that works")
	}
	return found
}

// TestCommandLine asks with the aws command line, where there is one.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	for version, command := range commandLines(t) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			askWith(t, command)
		})
	}
}

func askWith(t *testing.T, command string) {
	t.Helper()
	c := start(t, nil)
	c.loadBalancer("web")
	for _, tt := range []struct{ arguments, want string }{
		{"elbv2 describe-load-balancers --query LoadBalancers[].LoadBalancerName", "web"},
		{"ec2 describe-subnets --filters Name=vpc-id,Values=vpc-2 --query Subnets[].SubnetId", "subnet-far"},
	} {
		run := exec.CommandContext(t.Context(), command, append(strings.Fields(tt.arguments), "--endpoint-url", c.URL(), "--output", "text")...)
		run.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret", "AWS_REGION=us-west-2", "AWS_DEFAULT_REGION=us-west-2", "AWS_PAGER=")
		out, err := run.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %s: %s", tt.arguments, err, out)
		}
		if diff := cmp.Diff(tt.want, strings.TrimSpace(string(out))); diff != "" {
			t.Error(diff)
		}
	}
}

// TestCommandLineWorksThroughELBv2 walks through a life: everything is made, described, changed and removed by the aws
// command line. A row is a call; what it answers can be kept under a name, and a row may expect an error code instead.
func TestCommandLineWorksThroughELBv2(t *testing.T) {
	t.Parallel()
	for version, command := range commandLines(t) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			workThroughELBv2(t, command)
		})
	}
}

func workThroughELBv2(t *testing.T, command string) {
	t.Helper()
	c := start(t, nil)
	known := map[string]string{"dir": t.TempDir()}
	seedTrust(c, known["dir"])
	name := regexp.MustCompile(`\{[a-z]+\}`)
	for _, row := range commandRows {
		missing := false
		line := name.ReplaceAllStringFunc(row.line, func(n string) string {
			value, ok := known[n[1:len(n)-1]]
			missing = missing || !ok
			return value
		})
		if missing {
			t.Logf("%s: not possible with this version", row.line)
			continue
		}
		run := exec.CommandContext(t.Context(), command, append(strings.Fields(line), "--endpoint-url", c.URL(), "--output", "text")...)
		run.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret", "AWS_REGION=us-west-2", "AWS_DEFAULT_REGION=us-west-2", "AWS_PAGER=")
		out, err := run.CombinedOutput()
		switch {
		case unknownOption.Match(out):
			t.Logf("%s: not known to this version", line)
			continue
		case row.refused != "" && !strings.Contains(string(out), "("+row.refused+")"):
			t.Errorf("%s: got %s, want %s", line, out, row.refused)
		case row.refused == "" && err != nil:
			t.Fatalf("%s: %s: %s", line, err, out)
		}
		if row.want != "" && strings.TrimSpace(string(out)) != row.want {
			t.Errorf("%s: got %s, want %s", line, out, row.want)
		}
		if row.keep != "" {
			known[row.keep] = strings.TrimSpace(string(out))
		}
	}
}

// unknownOption is what a command line says that is older than what it is asked for.
var unknownOption = regexp.MustCompile(`Invalid choice|Unknown options|Unknown parameter in`)

var commandRows = []struct{ keep, line, want, refused string }{
	{keep: "cert", line: "acm import-certificate --certificate fileb://{dir}/cert.pem --private-key fileb://{dir}/key.pem --query CertificateArn"},
	{keep: "second", line: "acm import-certificate --certificate fileb://{dir}/cert.pem --private-key fileb://{dir}/key.pem --query CertificateArn"},
	{line: "acm describe-certificate --certificate-arn {cert}"},
	{line: "acm list-certificates --includes keyTypes=EC_prime256v1"},
	{keep: "lb", line: "elbv2 create-load-balancer --name web --subnets subnet-a subnet-b --tags Key=k,Value=v --query LoadBalancers[0].LoadBalancerArn"},
	{keep: "nlb", line: "elbv2 create-load-balancer --name net --type network --subnets subnet-a --query LoadBalancers[0].LoadBalancerArn"},
	{line: "elbv2 wait load-balancer-available --names web net"},
	{line: "elbv2 wait load-balancer-exists --names web"},
	{line: "elbv2 wait load-balancers-deleted --names gone"},
	{keep: "marker", line: "elbv2 describe-load-balancers --page-size 1 --query NextMarker"},
	{line: "elbv2 describe-load-balancers --page-size 1 --marker {marker} --query LoadBalancers[].LoadBalancerName", want: "net"},
	{line: "elbv2 describe-load-balancers --page-size 500", refused: "ValidationError"},
	{line: "elbv2 describe-load-balancers --load-balancer-arns web", refused: "ValidationError"},
	{line: "elbv2 describe-load-balancers --names nobody", refused: "LoadBalancerNotFound"},
	{line: "elbv2 create-load-balancer --name web --subnets subnet-a subnet-b --scheme internal", refused: "DuplicateLoadBalancerName"},
	{line: "elbv2 create-load-balancer --name a_b --subnets subnet-a subnet-b", refused: "ValidationError"},
	{line: "elbv2 create-load-balancer --name far --subnets subnet-a subnet-none", refused: "SubnetNotFound"},
	{line: "elbv2 set-subnets --load-balancer-arn {lb} --subnets subnet-a subnet-b subnet-c"},
	{line: "elbv2 set-security-groups --load-balancer-arn {lb} --security-groups sg-1"},
	{line: "elbv2 set-ip-address-type --load-balancer-arn {lb} --ip-address-type ipv4"},
	{line: "elbv2 set-ip-address-type --load-balancer-arn {lb} --ip-address-type dualstack", refused: "InvalidConfigurationRequest"},
	{line: "elbv2 modify-load-balancer-attributes --load-balancer-arn {lb} --attributes Key=idle_timeout.timeout_seconds,Value=30"},
	{line: "elbv2 describe-load-balancer-attributes --load-balancer-arn {lb}"},
	{line: "elbv2 describe-capacity-reservation --load-balancer-arn {lb}"},
	{line: "elbv2 modify-capacity-reservation --load-balancer-arn {lb} --minimum-load-balancer-capacity CapacityUnits=100", refused: "CapacityUnitsLimitExceeded"},
	{line: "elbv2 modify-ip-pools --load-balancer-arn {lb} --remove-ipam-pools ipv4"},
	{line: "elbv2 describe-account-limits"},
	{line: "elbv2 describe-ssl-policies --names ELBSecurityPolicy-TLS13-1-2-2021-06"},
	{keep: "tg", line: "elbv2 create-target-group --name web --protocol HTTP --port 80 --vpc-id vpc-1 --target-type ip --query TargetGroups[0].TargetGroupArn"},
	{keep: "tcp", line: "elbv2 create-target-group --name tcp --protocol TCP --port 80 --vpc-id vpc-1 --target-type ip --query TargetGroups[0].TargetGroupArn"},
	{line: "elbv2 modify-target-group --target-group-arn {tg} --health-check-path /ready --matcher HttpCode=200-299"},
	{line: "elbv2 modify-target-group-attributes --target-group-arn {tg} --attributes Key=stickiness.enabled,Value=true"},
	{line: "elbv2 describe-target-group-attributes --target-group-arn {tcp}"},
	{line: "elbv2 describe-target-groups --names web"},
	{line: "elbv2 register-targets --target-group-arn {tg} --targets Id=127.0.0.9,Port=80"},
	{line: "elbv2 describe-target-health --target-group-arn {tg} --include All"},
	{line: "elbv2 register-targets --target-group-arn {tg} --targets Id=pod", refused: "ValidationError"},
	{line: "elbv2 register-targets --target-group-arn {lb} --targets Id=127.0.0.9", refused: "ValidationError"},
	{line: "elbv2 deregister-targets --target-group-arn {tg} --targets Id=127.0.0.9,Port=80"},
	{line: "elbv2 wait target-deregistered --target-group-arn {tg} --targets Id=127.0.0.9,Port=80"},
	{keep: "ts", line: "elbv2 create-trust-store --name ca --ca-certificates-bundle-s3-bucket b --ca-certificates-bundle-s3-key ca.pem --query TrustStores[0].TrustStoreArn"},
	{line: "elbv2 create-trust-store --name none --ca-certificates-bundle-s3-bucket b --ca-certificates-bundle-s3-key none", refused: "CaCertificatesBundleNotFound"},
	{line: "elbv2 modify-trust-store --trust-store-arn {ts} --ca-certificates-bundle-s3-bucket b --ca-certificates-bundle-s3-key ca.pem"},
	{line: "elbv2 describe-trust-stores"},
	{line: "elbv2 describe-trust-store-revocations --trust-store-arn {ts}"},
	{line: "elbv2 add-trust-store-revocations --trust-store-arn {ts} --revocation-contents S3Bucket=b,S3Key=none", refused: "RevocationContentNotFound"},
	{line: "elbv2 remove-trust-store-revocations --trust-store-arn {ts} --revocation-ids 1", refused: "RevocationIdNotFound"},
	{line: "elbv2 get-trust-store-ca-certificates-bundle --trust-store-arn {ts}"},
	{line: "elbv2 get-trust-store-revocation-content --trust-store-arn {ts} --revocation-id 1", refused: "RevocationIdNotFound"},
	{line: "elbv2 get-resource-policy --resource-arn {ts}", refused: "ResourceNotFound"},
	{keep: "l", line: "elbv2 create-listener --load-balancer-arn {lb} --protocol HTTPS --port 443 --certificates CertificateArn={cert} --default-actions Type=forward,TargetGroupArn={tg} --query Listeners[0].ListenerArn"},
	{keep: "stream", line: "elbv2 create-listener --load-balancer-arn {nlb} --protocol TCP --port 80 --default-actions Type=forward,TargetGroupArn={tcp} --query Listeners[0].ListenerArn"},
	{line: "elbv2 create-listener --load-balancer-arn {lb} --protocol TCP --port 81 --default-actions Type=forward,TargetGroupArn={tg}", refused: "ValidationError"},
	{line: "elbv2 modify-listener --listener-arn {l} --mutual-authentication Mode=verify,TrustStoreArn={ts}"},
	{line: "elbv2 describe-trust-store-associations --trust-store-arn {ts}"},
	{line: "elbv2 delete-trust-store --trust-store-arn {ts}", refused: "TrustStoreInUse"},
	{line: "elbv2 delete-shared-trust-store-association --trust-store-arn {ts} --resource-arn {lb}", refused: "DeleteAssociationSameAccount"},
	{line: "elbv2 add-listener-certificates --listener-arn {l} --certificates CertificateArn={second}"},
	{line: "elbv2 describe-listener-certificates --listener-arn {l}"},
	{line: "elbv2 remove-listener-certificates --listener-arn {l} --certificates CertificateArn={second}"},
	{line: "elbv2 modify-listener --listener-arn {l} --ssl-policy ELBSecurityPolicy-TLS13-1-2-2021-06"},
	{line: "elbv2 modify-listener --listener-arn {l} --mutual-authentication Mode=off"},
	{line: "elbv2 modify-listener-attributes --listener-arn {stream} --attributes Key=tcp.idle_timeout.seconds,Value=60"},
	{line: "elbv2 describe-listener-attributes --listener-arn {l}"},
	{line: "elbv2 describe-listeners --load-balancer-arn {lb}"},
	{keep: "r", line: "elbv2 create-rule --listener-arn {l} --priority 5 --conditions Field=path-pattern,Values=/a --actions Type=forward,TargetGroupArn={tg} --query Rules[0].RuleArn"},
	{line: "elbv2 modify-rule --rule-arn {r} --conditions Field=path-pattern,PathPatternConfig={RegexValues=[^/b]}"},
	{line: "elbv2 set-rule-priorities --rule-priorities RuleArn={r},Priority=7"},
	{line: "elbv2 set-rule-priorities --rule-priorities RuleArn={r},Priority=7 RuleArn={r},Priority=8", refused: "ValidationError"},
	{line: "elbv2 create-rule --listener-arn {stream} --priority 1 --conditions Field=source-ip,SourceIpConfig={Values=10.0.0.0/8} --actions Type=forward,TargetGroupArn={tcp}", refused: "InvalidConfigurationRequest"},
	{line: "elbv2 create-rule --listener-arn {l} --priority 7 --conditions Field=path-pattern,Values=/a --actions Type=forward,TargetGroupArn={tg}", refused: "PriorityInUse"},
	{line: "elbv2 describe-rules --listener-arn {l}"},
	{line: "elbv2 add-tags --resource-arns {r} --tags Key=a,Value=b"},
	{line: "elbv2 describe-tags --resource-arns {r}"},
	{line: "elbv2 remove-tags --resource-arns {r} --tag-keys a"},
	{line: "resourcegroupstaggingapi get-resources --resource-type-filters elasticloadbalancing"},
	{line: "elbv2 delete-target-group --target-group-arn {tg}", refused: "ResourceInUse"},
	{line: "elbv2 delete-rule --rule-arn {r}"},
	{line: "elbv2 delete-listener --listener-arn {l}"},
	{line: "elbv2 delete-listener --listener-arn {l}", refused: "ListenerNotFound"},
	{line: "elbv2 delete-load-balancer --load-balancer-arn {lb}"},
	{line: "elbv2 delete-load-balancer --load-balancer-arn {nlb}"},
	{line: "elbv2 delete-trust-store --trust-store-arn {ts}"},
	{line: "elbv2 delete-target-group --target-group-arn {tg}"},
	{line: "acm delete-certificate --certificate-arn {cert}"},
}

// seedTrust writes a certificate and its key for ACM, and makes the certificate a bundle for trust stores.
func seedTrust(c *cloud, dir string) {
	c.Helper()
	certificate, key := pairInPEM(c)
	for file, content := range map[string][]byte{"cert.pem": certificate, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
			c.Fatal(err)
		}
	}
	if err := c.Seed(localaws.Seed{Objects: []localaws.Object{{Bucket: "b", Key: "ca.pem", Content: certificate}}}); err != nil {
		c.Fatal(err)
	}
}

// pairInPEM is a certificate that signs itself.
func pairInPEM(c *cloud) (certificate, key []byte) {
	c.Helper()
	private := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(c)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"shop.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	raw := must(x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private))(c)
	encoded := must(x509.MarshalECPrivateKey(private))(c)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded})
}
