package cloud

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

// Through sends all calls another way than over the network.
func (c *Cloud) Through(way http.RoundTripper) *Cloud {
	client := direct{way}
	c.config.HTTPClient = client
	c.elb = elbv2.New(c.elb.Options(), func(o *elbv2.Options) { o.HTTPClient = client })
	c.ec2 = ec2.New(c.ec2.Options(), func(o *ec2.Options) { o.HTTPClient = client })
	c.acm = acm.New(c.acm.Options(), func(o *acm.Options) { o.HTTPClient = client })
	return c
}

// Hasten is for an AWS that is so many times as fast: what it calls in use is so for less long.
func (c *Cloud) Hasten(times int) *Cloud {
	c.refused.lasting = lingering / time.Duration(times)
	return c
}

// direct is a client without redirects, cookies and time limits.
type direct struct{ http.RoundTripper }

func (d direct) Do(r *http.Request) (*http.Response, error) { return d.RoundTrip(r) }

// Settle makes all stacks look as if nobody had touched them for long.
func (c *Cloud) Settle() {
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	for _, h := range c.inventory.stacks {
		h.touched, h.ownedELB, h.ownedEC2 = time.Time{}, time.Time{}, time.Time{}
		clear(h.owned)
	}
}

// ForgetExpiries forgets when certificates expire, as after a restart.
func (c *Cloud) ForgetExpiries() { c.certificates.noteExpiries(nil) }
