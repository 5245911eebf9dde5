package bench

import (
	"context"
	_ "embed" // for traffic.yaml
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/lab/manifest"
	"github.com/sluice-lb/sluice/lab/traffic"
)

//go:embed traffic.yaml
var trafficManifest string

// TrafficConfig is how to run Traffic, beside what every bench has.
type TrafficConfig struct {
	Config
	Rounds   int
	Rate     float64  // exchanges a second, of all kinds
	Replicas int      // of each of the three Deployments
	Events   []string // names of Events, in the order in which they happen in each round; nil for all
}

// calm is how long nothing happens before the first event, to see that every kind passes at all, and after the last, whose
// losses may come late.
const calm = 10 * time.Second

// Traffic measures what each kind of traffic loses while the cluster changes under it.
func Traffic(ctx context.Context, config TrafficConfig) (*TrafficReport, error) {
	chosen, err := config.events()
	if err != nil {
		return nil, err
	}
	config.Config.within = time.Duration(config.Rounds)*trafficRound + within
	return run(ctx, config.Config, func(b *bench, ctx context.Context) (*TrafficReport, error) {
		return (&trafficBench{bench: b, config: config, color: "blue"}).run(ctx, chosen)
	})
}

// trafficRound is more than a round of all events has ever taken.
const trafficRound = 15 * time.Minute

func (c TrafficConfig) events() ([]event, error) {
	if c.Events == nil {
		return slices.DeleteFunc(slices.Clone(events), func(e event) bool { return e.loses }), nil
	}
	var chosen []event
	for _, name := range c.Events {
		at := slices.IndexFunc(events, func(e event) bool { return e.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("event %q is none of %s", name, strings.Join(EventNames(), ", "))
		}
		chosen = append(chosen, events[at])
	}
	return chosen, nil
}

// trafficBench is one run.
type trafficBench struct {
	*bench
	config TrafficConfig
	color  string // of the Deployment that the Services select
	suffix string // of the Services that the rules forward to; moveRules changes it
	moves  int
}

func (b *trafficBench) run(ctx context.Context, events []event) (*TrafficReport, error) {
	place, err := b.prepare(ctx)
	if err != nil {
		return nil, err
	}
	took, counts, err := b.underLoad(ctx, place, func(load *traffic.Load) error { return b.play(ctx, load, events) })
	return newTrafficReport(b.config.Rounds, took, counts), err
}

// underLoad sends traffic while something is done, and counts it when all of it has ended.
func (b *trafficBench) underLoad(ctx context.Context, place traffic.Place, do func(*traffic.Load) error) (time.Duration, []traffic.Count, error) {
	load := traffic.New(place, b.config.Rate)
	load.During("calm")
	sending, stop := context.WithCancel(ctx)
	defer stop()
	var sender sync.WaitGroup
	sender.Go(func() { load.Run(sending) })
	began := time.Now()
	err := do(load)
	stop()
	sender.Wait()
	return time.Since(began), load.Counts(), err
}

func (b *trafficBench) play(ctx context.Context, load *traffic.Load, events []event) error {
	b.say("sending %.0f exchanges a second", b.config.Rate)
	if err := pause(ctx, calm); err != nil {
		return err
	}
	for round := range b.config.Rounds {
		for _, event := range events {
			began := time.Now()
			load.During(event.Name)
			if err := event.happen(b, ctx); err != nil {
				return fmt.Errorf("round %d, %s: %w", round+1, event.Name, err)
			}
			b.say("round %d, %s: %.0f s, %d failed so far", round+1, event.Name, time.Since(began).Seconds(), failedOf(load.Counts()))
		}
	}
	return pause(ctx, calm)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// prepare makes the scene and returns when every target of the Services is healthy and every kind gets through.
func (b *trafficBench) prepare(ctx context.Context) (traffic.Place, error) {
	b.say("making three Deployments of %d Pods behind two load balancers", b.config.Replicas)
	certificate, err := b.certificate(ctx)
	if err != nil {
		return traffic.Place{}, fmt.Errorf("asking for a certificate: %w", err)
	}
	applier, err := manifest.NewApplier(b.rest)
	if err != nil {
		return traffic.Place{}, err
	}
	objects, err := manifest.Decode([]byte(strings.NewReplacer("CERTIFICATE", certificate, "REPLICAS", strconv.Itoa(b.config.Replicas)).Replace(trafficManifest)))
	if err != nil {
		return traffic.Place{}, err
	}
	if err := applier.Apply(ctx, objects); err != nil {
		return traffic.Place{}, err
	}
	if err := b.awaitSteady(ctx); err != nil {
		return traffic.Place{}, err
	}
	place := traffic.Place{HTTP2Host: "h2.bench.test", GRPCHost: "grpc.bench.test", SlowPath: "/slow"}
	err = b.await(ctx, func(ctx context.Context) (string, error) {
		missing, err := b.place(ctx, &place)
		if missing != "" || err != nil {
			return missing, err
		}
		return b.unhealthy(ctx)
	})
	return place, err
}

// place finds the listeners of both Ingresses.
func (b *trafficBench) place(ctx context.Context, place *traffic.Place) (missing string, err error) {
	addresses, err := b.admin.Addresses(ctx)
	if err != nil {
		return "", err
	}
	for _, one := range []struct {
		ingress       string
		address, host *string
	}{{"plain", &place.Plain, &place.PlainHost}, {"secure", &place.Secure, new(string)}} {
		ingress, err := b.client.NetworkingV1().Ingresses(namespace).Get(ctx, one.ingress, metav1.GetOptions{})
		if err != nil {
			return "", err
		}
		for _, balancer := range ingress.Status.LoadBalancer.Ingress {
			*one.host = balancer.Hostname
		}
		for _, address := range addresses {
			if *one.host != "" && strings.EqualFold(address.DNSName, *one.host) {
				*one.address = address.Address
			}
		}
		if *one.address == "" {
			return fmt.Sprintf("Ingress %s has no load balancer yet", one.ingress), nil
		}
	}
	return "", nil
}

// certificate is one that ACM has issued. The clients look at no name.
func (b *trafficBench) certificate(ctx context.Context) (arn string, err error) {
	client := acm.New(acm.Options{
		BaseEndpoint: &b.endpoint, Region: "us-west-2", Credentials: credentials.NewStaticCredentialsProvider("AKIASLUICEBENCH00000", "not-a-secret", ""),
	})
	made, err := client.RequestCertificate(ctx, &acm.RequestCertificateInput{DomainName: new("*.bench.test"), ValidationMethod: acmtypes.ValidationMethodDns})
	if err != nil {
		return "", err
	}
	return aws.ToString(made.CertificateArn), b.await(ctx, func(ctx context.Context) (string, error) {
		described, err := client.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: made.CertificateArn})
		switch {
		case err != nil:
			return "", err
		case described.Certificate.Status == acmtypes.CertificateStatusFailed:
			return "", errors.New("ACM has failed to issue it")
		case described.Certificate.Status != acmtypes.CertificateStatusIssued:
			return "the certificate is not issued yet", nil
		}
		return "", nil
	})
}
