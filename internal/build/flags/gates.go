package flags

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-lb/sluice/internal/build"
)

// gate is a feature gate of aws-load-balancer-controller.
type gate struct {
	standard bool // what counts where nobody says
	// set makes the build do otherwise; nil: this build knows the standard only.
	set func(*build.Gates)
}

// featureGates are all that the incumbent knows.
var featureGates = map[string]gate{
	"ALBSingleSubnet":               {false, func(g *build.Gates) { g.SingleSubnet = true }},
	"EnableDefaultTagsLowPriority":  {false, func(g *build.Gates) { g.LowPriorityDefaultTags = true }},
	"EnableIPTargetType":            {true, func(g *build.Gates) { g.NoIPTargets = true }},
	"ListenerRulesTagging":          {true, func(g *build.Gates) { g.NoRuleTags = true }},
	"SubnetDiscoveryByReachability": {true, func(g *build.Gates) { g.NoSubnetsByRoute = true }},
	"SubnetsClusterTagCheck":        {true, func(g *build.Gates) { g.NoSubnetsClusterTagCheck = true }},
	"ALBGatewayAPI":                 {true, nil},
	"ALBTargetControlAgent":         {false, nil},
	"EnableCertificateManagement":   {false, nil},
	"EnableRGTAPI":                  {false, nil},
	"EnableServiceController":       {true, nil},
	"EnableTCPUDPListener":          {false, nil},
	"EndpointsFailOpen":             {true, nil},
	"EnhancedDefaultBehavior":       {false, nil},
	"GatewayListenerSet":            {true, nil},
	"GlobalAcceleratorController":   {false, nil},
	"IngressPlanAnnotation":         {false, nil},
	"LBCapacityReservation":         {true, nil},
	"NLBGatewayAPI":                 {true, nil},
	"NLBHealthCheckAdvancedConfig":  {true, nil},
	"NLBSecurityGroup":              {true, nil},
	"ServiceTypeLoadBalancerOnly":   {false, nil},
	"WeightedTargetGroups":          {true, nil},
}

// gates are those that differ from the standard.
func gates(said map[string]string) build.Gates {
	var out build.Gates
	for name, value := range said {
		on, _ := strconv.ParseBool(value) // validated
		if known := featureGates[name]; known.set != nil && on != known.standard {
			known.set(&out)
		}
	}
	return out
}

// checkGate says what is wrong with a gate; "" when nothing is.
func checkGate(name, value string) string {
	known, found := featureGates[name]
	on, err := strconv.ParseBool(value)
	switch {
	case !found:
		return "no such gate; there are " + strings.Join(slices.Sorted(maps.Keys(featureGates)), ", ")
	case err != nil:
		return "write true or false"
	case known.set == nil && on != known.standard:
		return fmt.Sprintf("this build does not serve it; leave it at %t", known.standard)
	}
	return ""
}
