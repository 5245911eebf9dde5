package cloud

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// stsService is the IAM prefix of the Security Token Service.
const stsService = "sts"

// Role is who asks and changes a target group that belongs to another account. The zero
// value is the controller itself.
type Role struct {
	ARN        string // spec.iamRoleArnToAssume
	ExternalID string // spec.assumeRoleExternalId; may be empty
}

// roles are the Clouds that speak under a role. Accounts have their rates for themselves,
// and all roles of one account share them.
type roles struct {
	mu      sync.Mutex
	clouds  map[Role]*Cloud
	budgets map[string]*Budget // by account
}

// As is this Cloud speaking under a role, for all that concerns target groups: their
// targets, health and settings. What concerns the cluster's own VPC is asked of the Cloud
// itself. Credentials last until thirty seconds before they expire, then new ones are had.
func (c *Cloud) As(role Role) *Cloud {
	if role == (Role{}) {
		return c
	}
	c.roles.mu.Lock()
	defer c.roles.mu.Unlock()
	if known := c.roles.clouds[role]; known != nil {
		return known
	}
	if c.roles.clouds == nil {
		c.roles.clouds, c.roles.budgets = map[Role]*Cloud{}, map[string]*Budget{}
	}
	config := c.config.Copy()
	config.Credentials = aws.NewCredentialsCache(c.assume(role), func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = 30 * time.Second })
	under := &Cloud{cluster: c.cluster, vpc: c.vpc, config: config, elb: elbv2.NewFromConfig(config), ec2: c.ec2, readOnly: c.readOnly, budget: c.roles.budget(role, c)}
	c.roles.clouds[role] = under
	return under
}

// budget is that of the role's account. The caller holds the lock.
func (r *roles) budget(role Role, own *Cloud) *Budget {
	if own.budget == nil {
		return nil
	}
	account := accountOf(role.ARN)
	if r.budgets[account] == nil {
		r.budgets[account] = NewBudget(own.share)
	}
	return r.budgets[account]
}

// accountOf is the fifth part of an ARN: arn:aws:iam::123456789012:role/name.
func accountOf(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) < 5 {
		return arn
	}
	return parts[4]
}

func (c *Cloud) assume(role Role) aws.CredentialsProvider {
	return stscreds.NewAssumeRoleProvider(assumer{sts.NewFromConfig(c.config)}, role.ARN, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = sessionName(c.cluster)
		if role.ExternalID != "" {
			o.ExternalID = new(role.ExternalID)
		}
	})
}

// notInSessions are the characters that a session name must not have (STS API reference,
// AssumeRole).
var notInSessions = regexp.MustCompile(`[^a-zA-Z0-9=,.@_-]`)

// longestSession is where the incumbent cuts, whose names stand in trust policies.
const longestSession = 2047

// sessionName is how CloudTrail, and trust policies, know the cluster.
func sessionName(cluster string) string {
	name := "AWS-LBC-" + notInSessions.ReplaceAllString(cluster, "")
	return name[:min(len(name), longestSession)]
}

// assumer counts calls, and gives their errors a kind, as other calls have.
type assumer struct{ client *sts.Client }

func (a assumer) AssumeRole(ctx context.Context, in *sts.AssumeRoleInput, options ...func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	start := time.Now()
	out, err := a.client.AssumeRole(ctx, in, options...)
	err = classify(stsService, "AssumeRole", err)
	count(stsService, "AssumeRole", err, time.Since(start))
	return out, err
}
