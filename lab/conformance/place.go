package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/lab/address"
)

// The endpoints that have a name.
const (
	Local = "local" // a local AWS for this run alone
	AWS   = "aws"   // the account of the environment
)

// place is where a run happens.
type place struct {
	aws      aws.Config
	account  string
	vpc      string
	subnets  []string
	patience time.Duration
	costs    bool // somebody pays
	close    func()
}

func open(ctx context.Context, config Config) (*place, error) {
	var p *place
	var err error
	switch config.Endpoint {
	case Local:
		return openLocal(ctx)
	case AWS:
		p, err = openAccount(ctx)
	default:
		p, err = openURL(ctx, config.Endpoint)
	}
	if err != nil {
		return nil, err
	}
	p.vpc, p.subnets, p.close = config.VPC, config.Subnets, func() {}
	identity, err := sts.NewFromConfig(p.aws).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return nil, fmt.Errorf("asking %s who we are: %w", config.Endpoint, err)
	}
	p.account = aws.ToString(identity.Account)
	return p, p.findNetwork(ctx)
}

// localSpeed makes minutes of AWS's own delays seconds.
const localSpeed = 20

func openLocal(ctx context.Context) (*place, error) {
	block, err := address.Claim()
	if err != nil {
		return nil, err
	}
	cloud, err := localaws.Start(ctx, localaws.Config{
		Listen: block.Control().String() + ":0", Addresses: block.LoadBalancers(), Throttling: "off", Speed: localSpeed,
	})
	if err != nil {
		block.Release()
		return nil, err
	}
	p := &place{
		aws: aws.Config{
			Region: "us-west-2", BaseEndpoint: new(cloud.URL()), Credentials: nobody, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		},
		account: "123456789012", vpc: "vpc-conformance", subnets: []string{"subnet-a", "subnet-b"}, patience: 30 * time.Second,
		close: func() {
			_ = cloud.Close() // the process ends anyway
			block.Release()
		},
	}
	err = cloud.Seed(localaws.Seed{
		VPCs: []localaws.VPC{{ID: p.vpc, CIDR: "10.0.0.0/16"}},
		Subnets: []localaws.Subnet{
			{ID: "subnet-a", VPCID: p.vpc, CIDR: "10.0.0.0/20", Zone: "us-west-2a"},
			{ID: "subnet-b", VPCID: p.vpc, CIDR: "10.0.16.0/20", Zone: "us-west-2b"},
		},
	})
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// nobody is for an AWS that asks nobody who he is.
var nobody = credentials.NewStaticCredentialsProvider("key", "secret", "")

// awsPatience is how long anything may take at AWS: a load balancer up to five minutes, a security group as long.
const awsPatience = 15 * time.Minute

// openAccount trusts the environment with everything but the endpoint.
func openAccount(ctx context.Context) (*place, error) {
	sdk, err := load(ctx)
	switch {
	case err != nil:
		return nil, err
	case sdk.BaseEndpoint != nil:
		return nil, fmt.Errorf("AWS_ENDPOINT_URL points at %s, which is not AWS: unset it, or say --endpoint %[1]s", *sdk.BaseEndpoint)
	case sdk.Region == "":
		return nil, errors.New("no Region: set AWS_REGION")
	}
	return &place{aws: sdk, patience: awsPatience, costs: true}, nil
}

// openURL takes what listens on loopback for an AWS that costs nothing, and all else for one that does.
func openURL(ctx context.Context, endpoint string) (*place, error) {
	at, err := url.Parse(endpoint)
	if err != nil || at.Host == "" {
		return nil, fmt.Errorf("--endpoint %s: want local, aws or a URL", endpoint)
	}
	sdk, err := load(ctx)
	if err != nil {
		return nil, err
	}
	sdk.BaseEndpoint, sdk.Region = &endpoint, cmp.Or(sdk.Region, "us-west-2")
	if onLoopback(at.Hostname()) {
		sdk.Credentials = nobody
	}
	return &place{aws: sdk, patience: awsPatience, costs: !onLoopback(at.Hostname())}, nil
}

func onLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// maxAttempts outlasts the throttling that a few hundred calls in a row meet.
const maxAttempts = 20

func load(ctx context.Context) (aws.Config, error) {
	sdk, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRetryer(func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = maxAttempts })
	}))
	if err != nil {
		return sdk, fmt.Errorf("reading the environment's AWS settings: %w", err)
	}
	return sdk, nil
}
