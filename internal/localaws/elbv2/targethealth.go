package elbv2

import "strconv"

type describeTargetHealthInput struct {
	groupInput
	Targets []targetInput
	Include []string `enum:"AnomalyDetection,All"`
}

type describeTargetHealthOutput struct {
	Descriptions []targetDescription `xml:"TargetHealthDescriptions>member"`
}

type targetDescription struct {
	Target    targetOutput `xml:"Target"`
	CheckPort string       `xml:"HealthCheckPort,omitempty"`
	Health    targetHealth `xml:"TargetHealth"`
	Anomaly   *anomaly     `xml:"AnomalyDetection"`
}

// anomaly is what the detection says: nothing is ever anomalous here.
type anomaly struct {
	Result     string
	Mitigation string `xml:"MitigationInEffect"`
}

type targetOutput struct {
	ID   string `xml:"Id"`
	Port int    `xml:"Port"`
	Zone string `xml:"AvailabilityZone,omitempty"`
}

type targetHealth struct {
	State       string
	Reason      string `xml:",omitempty"`
	Description string `xml:",omitempty"`
}

func (s *Service) describeTargetHealth(in describeTargetHealthInput) (describeTargetHealthOutput, error) {
	g, err := s.group(in.ARN)
	if err != nil {
		return describeTargetHealthOutput{}, err
	}
	b := s.balancerOf(g)
	var out describeTargetHealthOutput
	if len(in.Targets) == 0 {
		for _, t := range g.targets {
			out.Descriptions = append(out.Descriptions, s.describeTarget(b, g, t))
		}
	}
	for _, given := range in.Targets {
		port := g.settings.port
		if given.Port != nil {
			port = *given.Port
		}
		if t := g.target(given.ID, port); t != nil {
			out.Descriptions = append(out.Descriptions, s.describeTarget(b, g, t))
			continue
		}
		out.Descriptions = append(out.Descriptions, targetDescription{
			Target: targetOutput{ID: given.ID, Port: port, Zone: given.Zone},
			Health: targetHealth{"unused", "Target.NotRegistered", "Target is not registered to the target group"},
		})
	}
	if len(in.Include) > 0 && g.settings.forHTTP() {
		for i := range out.Descriptions {
			out.Descriptions[i].Anomaly = &anomaly{"normal", "no"}
		}
	}
	return out, nil
}

func (s *Service) describeTarget(b *loadBalancer, g *targetGroup, t *target) targetDescription {
	d := targetDescription{
		Target: targetOutput{ID: t.id, Port: t.port, Zone: t.zone}, CheckPort: g.settings.check.port, Health: s.health(b, g, t),
	}
	if d.CheckPort == "traffic-port" {
		d.CheckPort = strconv.Itoa(t.port)
	}
	return d
}

// health is the state of a target. Texts: "TargetHealth" in the API reference, "Target health status" in the ALB guide.
//
//	first that holds                     state      reason
//	deregistered                         draining   Target.DeregistrationInProgress
//	no load balancer uses the group      unused     Target.NotInUse
//	its zone is not enabled              unused     Target.NotInUse
//	not in the data plane yet            initial    Elb.RegistrationInProgress
//	otherwise                            what the health checks say
func (s *Service) health(b *loadBalancer, g *targetGroup, t *target) targetHealth {
	switch {
	case t.draining:
		return targetHealth{"draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"}
	case b == nil:
		return targetHealth{"unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"}
	case !s.zoneEnabled(b, t):
		return targetHealth{"unused", "Target.NotInUse", "Target is in an Availability Zone that is not enabled for the load balancer"}
	case t.member == nil || !g.pool.Serving():
		return targetHealth{"initial", "Elb.RegistrationInProgress", "Target registration is in progress"}
	}
	seen := t.member.Health()
	return targetHealth{string(seen.State), seen.Reason, seen.Description}
}
