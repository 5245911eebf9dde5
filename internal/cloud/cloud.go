package cloud

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// Config is what a Cloud needs to know.
type Config struct {
	Cluster string // flag --cluster-name
	Region  string // flag --aws-region; empty: the SDK finds it
	VPC     string // flag --aws-vpc-id
	// EndpointTags tell which of several security groups of an endpoint is opened, beside the
	// cluster's own tag (flag --service-target-eni-security-group-tags).
	EndpointTags map[string]string
	// BudgetShare is the part of the account's documented rates to use (flag
	// --aws-budget-share): above 0; above 1 where AWS has raised the account's limits.
	BudgetShare float64
	// ReadOnly refuses every call that would change something (flag --dry-run).
	ReadOnly bool
	// Endpoint of all services, for tests that run against several at once; empty: AWS,
	// or what AWS_ENDPOINT_URL says.
	Endpoint string
	// HTTPClient carries the calls, for tests without a network; nil: the SDK's own.
	HTTPClient aws.HTTPClient
	// Unlimited switches the budget off, for tests.
	Unlimited bool
}

// Cloud is AWS as the rest of Sluice sees it. It is safe for concurrent use, with one
// exception: a stack must be observed and applied by one goroutine at a time.
type Cloud struct {
	cluster   string
	vpc       string
	config    aws.Config
	share     float64
	elb       *elbv2.Client
	ec2       *ec2.Client
	budget    *Budget
	readOnly  bool
	inventory inventory
	refused   refusalTable
	acm       *acm.Client
	network   remembered[model.Network]
	// securityGroups of the VPC, for Ingresses that name some.
	securityGroups remembered[[]model.NamedSecurityGroup]
	certificates   certificateCache
	// namedGroups are *remembered[string]: the ARNs of target groups by name.
	namedGroups  sync.Map
	endpoints    endpointCache
	endpointTags map[string]string
	roles        roles
	ranges       rangeCache
	quotas       remembered[map[plan.Quota]int]
}

// New makes a Cloud from the SDK's default configuration: environment, web identity,
// pod identity or instance role. It makes no call.
func New(ctx context.Context, config Config) (*Cloud, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	var options []func(*awsconfig.LoadOptions) error
	if config.Region != "" {
		options = append(options, awsconfig.WithRegion(config.Region))
	}
	// One attempt a call: what follows a failure is decided by its kind, in one place.
	options = append(options, awsconfig.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }), awsconfig.WithAppID("sluice"))
	if config.Endpoint != "" {
		options = append(options, awsconfig.WithBaseEndpoint(config.Endpoint))
	}
	if config.HTTPClient != nil {
		options = append(options, awsconfig.WithHTTPClient(config.HTTPClient))
	}
	loaded, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("loading the AWS configuration: %w", err)
	}
	if loaded.Region == "" {
		return nil, errors.New("no AWS Region: set --aws-region or AWS_REGION")
	}
	budget := NewBudget(config.BudgetShare)
	if config.Unlimited {
		budget = nil
	}
	return &Cloud{
		cluster:      config.Cluster,
		vpc:          config.VPC,
		config:       loaded,
		share:        config.BudgetShare,
		endpointTags: config.EndpointTags,
		elb:          elbv2.NewFromConfig(loaded),
		ec2:          ec2.NewFromConfig(loaded),
		acm:          acm.NewFromConfig(loaded),
		budget:       budget,

		readOnly: config.ReadOnly,

		inventory: inventory{filling: make(chan struct{}, 1)},
	}, nil
}

func (c Config) validate() error {
	var complaints []error
	if c.Cluster == "" {
		complaints = append(complaints, errors.New("--cluster-name is empty: give the name that the cluster's AWS resources are tagged with"))
	}
	if c.VPC == "" {
		complaints = append(complaints, errors.New("--aws-vpc-id is empty: give the id of the cluster's VPC"))
	}
	if !(c.BudgetShare > 0) {
		complaints = append(complaints, fmt.Errorf("--aws-budget-share is %v: give a number above 0", c.BudgetShare))
	}
	return errors.Join(complaints...)
}
