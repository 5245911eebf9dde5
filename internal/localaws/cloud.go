// Package localaws is a local AWS: one HTTP port that speaks the wire protocols of Elastic Load Balancing v2 and of the
// services around it, and load balancers that really balance.
//
// It is for the unmodified AWS SDK (AWS_ENDPOINT_URL) and the aws command line (--endpoint-url), and does not know who
// asks. States, error codes, limits and delays follow the AWS documentation; what AWS has and this has not is refused by
// name, never answered with an empty success.
//
//	cloud, err := localaws.Start(ctx, localaws.Config{Addresses: netip.MustParsePrefix("127.67.0.0/16")})
//	err = cloud.Seed(localaws.Seed{VPCs: []localaws.VPC{{ID: "vpc-1", CIDR: "10.0.0.0/16"}}, …})
//	os.Setenv("AWS_ENDPOINT_URL", cloud.URL())
//
// The rooms inside: wire (protocols), elbv2, ec2, acm and others by the names of their services (state and operations),
// policy and access (what IAM allows whom), balancer (data plane), keypair (certificates with their keys), quota, pace (AWS's own time), fault (what goes wrong on
// purpose). This package wires them, answers HTTP, throttles, and keeps a journal of the calls.
package localaws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/sluice-lb/sluice/internal/localaws/acm"
	"github.com/sluice-lb/sluice/internal/localaws/balancer"
	"github.com/sluice-lb/sluice/internal/localaws/cognito"
	"github.com/sluice-lb/sluice/internal/localaws/ec2"
	"github.com/sluice-lb/sluice/internal/localaws/elbv2"
	"github.com/sluice-lb/sluice/internal/localaws/fault"
	"github.com/sluice-lb/sluice/internal/localaws/iam"
	"github.com/sluice-lb/sluice/internal/localaws/keypair"
	"github.com/sluice-lb/sluice/internal/localaws/objects"
	"github.com/sluice-lb/sluice/internal/localaws/pace"
	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/shield"
	"github.com/sluice-lb/sluice/internal/localaws/tagging"
	"github.com/sluice-lb/sluice/internal/localaws/waf"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// Cloud is a running local AWS.
type Cloud struct {
	config  Config
	clock   *pace.Clock
	network *ec2.Network
	elb     *elbv2.Service
	acm     *acm.Service
	iam     *iam.Service
	cognito *cognito.Service
	objects *objects.Store
	plane   *balancer.Plane

	services map[string]wire.Service // by the name in a call's signature
	throttle *throttle
	faults   *fault.Table
	past     *fault.History[map[string]wire.Service]
	journal  journal
	tokens   *tokens
	guard    *guard

	listener net.Listener
	server   *http.Server
	serving  sync.WaitGroup
	closing  sync.Once
}

// Start checks the whole config, listens unless that is offline, and serves until Close. The context bounds only the
// start.
func Start(ctx context.Context, config Config) (*Cloud, error) {
	config = config.withDefaults()
	limits, quotaErr := quota.With(config.Quotas)
	if err := errors.Join(config.check(), quotaErr); err != nil {
		return nil, fmt.Errorf("local AWS: %w", err)
	}
	c := &Cloud{config: config, throttle: newThrottle(config.Throttling), guard: newGuard(config.Principals)}
	if err := c.listen(ctx); err != nil {
		return nil, fmt.Errorf("local AWS: %w", err)
	}
	c.clock = pace.New(config.Speed, config.Random)
	if err := c.build(limits); err != nil {
		c.clock.Close()
		return nil, errors.Join(fmt.Errorf("local AWS: %w", err), c.hangUp())
	}
	c.past = fault.NewHistory(c.present)
	c.faults = fault.NewTable(config.Random, c.past.Keep)
	c.server = &http.Server{
		Handler:           c.handler(),
		ReadHeaderTimeout: readHeaderTimeout,
		ErrorLog:          slog.NewLogLogger(config.Log.Handler(), slog.LevelDebug),
	}
	if c.listener != nil {
		c.serving.Go(c.serve)
	}
	return c, nil
}

func (c *Cloud) listen(ctx context.Context) (err error) {
	if c.config.Offline {
		return nil
	}
	var listen net.ListenConfig
	c.listener, err = listen.Listen(ctx, "tcp", c.config.Listen)
	return err
}

func (c *Cloud) hangUp() error {
	if c.listener == nil {
		return nil
	}
	return c.listener.Close()
}

func (c *Cloud) serve() {
	if err := c.server.Serve(c.listener); !errors.Is(err, http.ErrServerClosed) {
		c.config.Log.Error("the local AWS stopped answering", "error", err)
	}
}

// build makes the services.
func (c *Cloud) build(limits quota.Limits) error {
	config := c.config
	delays, _ := pace.Profile(config.Profile) // checked
	var err error
	c.acm, err = acm.New(acm.Config{Region: config.Region, Account: config.AccountID, Clock: c.clock, Validation: delays.Validation})
	if err != nil {
		return err
	}
	c.iam, c.cognito = iam.New(config.AccountID, c.clock.Uint64), cognito.New()
	c.objects = objects.New(c.URL() + adminPath + "objects/")
	c.network = ec2.New(config.Region, config.AccountID, limits, c.clock.Uint64)
	c.plane = balancer.New(balancer.Config{
		Clock: c.clock, PortOffset: config.PortOffset, Offline: config.Offline, Probe: config.Probe, Log: config.Log,
		FirstCheck: balancer.Span{Least: config.FirstCheckLeast, Most: config.FirstCheckMost},
	})
	c.elb = elbv2.New(elbv2.Config{
		Region: config.Region, Account: config.AccountID, Addresses: config.Addresses, Limits: limits, Delays: delays,
		Network: c.network, Plane: c.plane, Clock: c.clock, Log: config.Log,
		Certificate: c.certificate, Uses: c.useCertificates, Objects: c.objects,
		RefuseDraining: config.DrainingReregister == "error", PassClients: config.Authentication == authenticationPass,
	})
	c.tokens = &tokens{account: config.AccountID, random: c.clock.Uint64}
	c.services = map[string]wire.Service{
		"ec2":   c.network.Service(),
		"elbv2": c.elb.API(),
		"sts":   c.tokens.service(),
		"acm":   c.acm.API(),
		"iam":   c.iam.API(),
	}
	c.protect()
	return nil
}

// protect adds the services that look at load balancers from outside.
func (c *Cloud) protect() {
	account, random := c.config.AccountID, c.clock.Uint64
	firewall := waf.New(waf.Config{Region: c.config.Region, Account: account, Random: random, Balancer: c.elb.HasBalancer})
	c.services["wafv2"] = firewall.V2()
	c.services["waf-regional"] = firewall.Regional()
	c.services["shield"] = shield.New(shield.Config{Account: account, Random: random, Balancer: c.elb.HasBalancer}).API()
	c.services["cognito-idp"] = c.cognito.API()
	c.services["tagging"] = tagging.API(c.elb.Tagged, c.network.Tagged, c.acm.Tagged)
}

// certificate finds what a listener may use: a certificate of ACM or of IAM.
func (c *Cloud) certificate(arn string) (*keypair.Pair, bool) {
	if pair, found := c.acm.Pair(arn); found {
		return pair, true
	}
	return c.iam.Pair(arn)
}

func (c *Cloud) useCertificates(balancerARN string, arns []string) {
	c.acm.Use(balancerARN, arns)
	c.iam.Use(balancerARN, arns)
}

// URL is the endpoint of all services. Offline it is a name that nothing resolves: calls go through RoundTrip.
func (c *Cloud) URL() string {
	if c.listener == nil {
		return "http://localaws.invalid"
	}
	return "http://" + c.listener.Addr().String()
}

// Targets are all targets that are registered, as they are now: without a call, and whatever faults there are.
func (c *Cloud) Targets() []elbv2.RegisteredTarget { return c.elb.Registered() }

// Calls is the journal, as Admin reads it.
func (c *Cloud) Calls(reset bool) []Call { return c.journal.read(reset) }

// Close stops the API first, so that nothing new begins, then time, then the data plane, and leaves no goroutine.
func (c *Cloud) Close() error {
	var err error
	c.closing.Do(func() {
		err = c.server.Close()
		c.serving.Wait()
		c.past.Close()
		c.clock.Close()
		c.acm.Close()
		c.plane.Close()
	})
	return err
}
