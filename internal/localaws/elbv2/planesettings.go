package elbv2

import (
	"strconv"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
)

// planeSettings is what the attributes of a group mean to the data plane. An attribute that the group's kind does not
// have, or that is "off", is the zero value.
func (g *targetGroup) planeSettings() balancer.Settings {
	const health = "target_group_health.unhealthy_state_routing.minimum_healthy_targets."
	return balancer.Settings{
		Algorithm:         balancer.Algorithm(g.attribute("load_balancing.algorithm.type")),
		Stickiness:        g.stickiness(),
		SlowStart:         g.seconds("slow_start.duration_seconds"),
		MinHealthyCount:   g.numeric(health + "count"),
		MinHealthyPercent: g.numeric(health + "percentage"),
		CutDeregistered:   g.attribute("deregistration_delay.connection_termination.enabled") == "true",
		KeepUnhealthy:     g.attribute("target_health_state.unhealthy.connection_termination.enabled") == "false",
		ProxyProtocol:     g.attribute("proxy_protocol_v2.enabled") == "true",
		SourceSticky:      g.attribute("stickiness.enabled") == "true" && g.attribute("stickiness.type") == "source_ip",
	}
}

func (g *targetGroup) stickiness() balancer.Stickiness {
	if g.attribute("stickiness.enabled") != "true" {
		return balancer.Stickiness{}
	}
	switch kind := balancer.StickinessType(g.attribute("stickiness.type")); kind {
	case balancer.LBCookie:
		return balancer.Stickiness{Type: kind, Duration: g.seconds("stickiness.lb_cookie.duration_seconds")}
	case balancer.AppCookie:
		return balancer.Stickiness{
			Type: kind, Cookie: g.attribute("stickiness.app_cookie.cookie_name"), Duration: g.seconds("stickiness.app_cookie.duration_seconds"),
		}
	}
	return balancer.Stickiness{}
}

func (g *targetGroup) numeric(key string) int {
	n, _ := strconv.Atoi(g.attribute(key)) // checked when it was set; "off" and "" are 0
	return n
}

func (g *targetGroup) seconds(key string) time.Duration {
	return time.Duration(g.numeric(key)) * time.Second
}
