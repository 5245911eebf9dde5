package conformance

import (
	"fmt"
	"strings"

	"github.com/sluice-lb/sluice/test/awsconformance"
)

// announcement says where the run happens, what it makes and what that costs.
func (p *place) announcement(prefix string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Account %s, Region %s, VPC %s, subnets %s.\n", p.account, p.aws.Region, p.vpc, strings.Join(p.subnets, " and "))
	if !p.costs {
		return text.String()
	}
	fmt.Fprintf(&text, `
This run makes, and removes again,
  3 internal load balancers (2 application, 1 network), and a fourth for a moment,
  their listeners and rules, up to 6 target groups at a time, with an address that nobody has as a target,
  2 imported certificates that sign themselves, 1 security group, 1 web ACL.
Everything that has a name is called %[1]s-…, and all but listeners and rules have the tag %[2]s=%[1]s.
Nothing else in the account is changed. It is removed also after a failure and on Ctrl-C; what a
killed run leaves, the next one finds and offers to remove.

It takes ten to thirty minutes and costs about 0.10 USD an hour; AWS counts begun hours in full. This is an
estimate: four load balancers at 0.0225 USD an hour each, next to no capacity units, and a web ACL at 5 USD a
month, in US East. Your Region's prices:
  https://aws.amazon.com/elasticloadbalancing/pricing/
  https://aws.amazon.com/waf/pricing/

`, prefix, awsconformance.TagKey)
	return text.String()
}
