package simulation

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/internal/localaws/fault"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// The traps of docs/design/simulation.md, one test each.

// bug is a planted one.
func bug(name string) plant {
	for _, b := range planted {
		if b.name == name {
			return b.plant
		}
	}
	panic("no bug is called " + name)
}

// takeOver kills a Pod while AWS takes no deregistration, and has a Pod that is never healthy get its address, which is healthy
// still.
func takeOver(s *stage, meanwhile func()) {
	web := s.ready(app("web", 2))
	old := s.pod(web, anyPod)
	s.oracle.begun(web.name, propagation)
	s.change(web, func() { web.flaws["v1"] = flaw{never: true} })
	s.fault(fault.Rule{Operation: "*registerTargets", Code: "ThrottlingException", For: 20 * time.Second})
	s.cluster.kubelet.kill(old)
	heir := s.pod(web, heirOf(old))
	meanwhile()
	s.stays(heir, corev1.ConditionFalse, time.Minute)
	s.rollOut(web, "v2", flaw{}, 0)
}

func TestTrapAddressIsUsedAgain(t *testing.T) {
	t.Parallel()
	script := func(s *stage) { takeOver(s, func() {}) }
	scripted(t, script)
	unguarded(t, openedInVain, bug("forgets-the-uid"), script)
}

func TestTrapAddressIsUsedAgainOverARestart(t *testing.T) {
	t.Parallel()
	scripted(t, func(s *stage) {
		takeOver(s, func() {
			s.kill()
			s.begin(s.newReplica())
		})
	})
}

// seedWith is a seed in which AWS answers the registration of a draining address so.
func seedWith(answer string) uint64 {
	for seed := uint64(1); ; seed++ {
		if pick(dice(seed), reregistrations, "re-register") == answer {
			return seed
		}
	}
}

func TestTrapAddressIsStillDraining(t *testing.T) {
	t.Parallel()
	for _, answer := range reregistrations {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			scriptedFrom(t, seedWith(answer), func(s *stage) {
				web := s.run(app("web", 2, func(w *workload) { w.kind = statefulSet }))
				made := s.entrance("web", "web", "80")
				made.Annotations[annotation+"target-group-attributes"] = "deregistration_delay.timeout_seconds=120"
				s.create(service("web", map[string]string{"app": "web"}))
				s.create(made)
				s.comesToRest(5 * time.Minute)
				old := s.pod(web, func(p *corev1.Pod) bool { return p.Name == "web-1" })
				s.oracle.begun(web.name, propagation)
				s.cluster.kubelet.bequeath(old)
				_ = s.kube.remove("Pod", keyOf(old), old.UID)
				heir := s.pod(web, heirOf(old))
				s.sees(heir, corev1.ConditionFalse, "Target.DeregistrationInProgress", 20*time.Second)
				s.stays(heir, corev1.ConditionFalse, time.Minute)
				s.sees(heir, corev1.ConditionTrue, readiness.Healthy, 2*time.Minute)
			})
		})
	}
}

func TestTrapTargetGroupIsReplacedInARollout(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(*stage){
		"the-port-is-named-otherwise": func(s *stage) {
			edit(s.kube, shop, "web", false, func(o *networkingv1.Ingress) {
				o.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Port = networkingv1.ServiceBackendPort{Name: "http"}
			})
		},
		"the-service-is-renamed": func(s *stage) {
			s.create(service("shop-front", map[string]string{"app": "web"}))
			edit(s.kube, shop, "web", false, func(o *networkingv1.Ingress) { o.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name = "shop-front" })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scripted(t, func(s *stage) {
				web := s.ready(app("web", 4))
				before := s.groups()
				s.rollOut(web, "v2", flaw{}, 0)
				first := s.pod(web, of("v2"))
				s.pass(2 * time.Second) // it is registered in the group that goes
				replace(s)
				s.sees(first, corev1.ConditionTrue, readiness.Healthy, 2*time.Minute)
				s.comesToRest(5 * time.Minute)
				if after := s.groups(); len(after) != 1 || after[0] == before[0] {
					s.surprise("the target group is not replaced: before %v, after %v", before, after)
				}
			})
		})
	}
}

// A target group whose rule cannot be changed in time outlives its Service, and serves the next one of that name.
func TestTrapServiceOfAnIngressGroupIsMadeAnew(t *testing.T) {
	t.Parallel()
	scripted(t, func(s *stage) {
		front := service("web", map[string]string{"app": "web"})
		s.create(front)
		s.create(joining(true, s.entrance("web", "web", "80")))
		s.pass(time.Second)
		web := s.run(app("web", 2))
		s.comesToRest(5 * time.Minute)
		s.fault(fault.Rule{Operation: "ModifyRule", Code: "ThrottlingException", For: 10 * time.Second})
		s.oracle.begun(web.name, time.Minute)
		_ = s.kube.remove("Service", keyOf(front), "")
		s.pass(5 * time.Second)
		s.create(service("web", map[string]string{"app": "web"}))
		s.pass(time.Minute)
		s.rollOut(web, "v2", flaw{}, 0)
		s.sees(s.pod(web, of("v2")), corev1.ConditionTrue, readiness.Healthy, time.Minute)
	})
}

// severalGroups is a Pod behind two Ingresses, by two ports, and behind a binding that was made by hand. The health check of
// the last one fails.
func severalGroups(s *stage) {
	web := app("web", 2, func(w *workload) { w.flaws["v1"] = flaw{fails: "/healthz/lent"} })
	s.serve("web")
	s.create(s.entrance("web-admin", "web", "admin"))
	s.create(s.lent("lent", "web"))
	s.pass(30 * time.Second)
	s.run(web)
	pod := s.pod(web, anyPod)
	s.sees(pod, corev1.ConditionTrue, readiness.Healthy, 2*time.Minute) // by the gates of the others
	s.sees(pod, corev1.ConditionFalse, "Target.ResponseCodeMismatch", 2*time.Minute)
	s.pass(time.Minute)
	if isReady(get[*corev1.Pod](s.kube, shop, pod.Name)) {
		s.surprise("the Pod is Ready although one of its load balancers finds it unhealthy")
	}
	s.rollOut(web, "v2", flaw{}, 0)
}

func TestTrapOnePodBehindSeveralTargetGroups(t *testing.T) {
	t.Parallel()
	scripted(t, severalGroups)
	unguarded(t, openedInVain, bug("drops-a-claim"), func(s *stage) {
		s.serve("web")
		s.create(s.lent("lent", "web"))
		s.pass(30 * time.Second)
		s.run(app("web", 2, func(w *workload) { w.flaws["v1"] = flaw{fails: "/healthz/lent"} }))
		s.comesToRest(5 * time.Minute)
	})
}

// A new Ingress claims a Pod the moment its gate has opened, and the controller has not seen its own write yet.
func TestTrapClaimComesWhenAGateHasJustOpened(t *testing.T) {
	t.Parallel()
	scripted(t, func(s *stage) {
		s.serve("web")
		s.pass(time.Second)
		web := s.run(app("web", 2))
		pod := s.pod(web, anyPod)
		s.lagging("Pod", 4*time.Second, time.Minute)
		s.sees(pod, corev1.ConditionTrue, readiness.Healthy, 2*time.Minute)
		s.create(s.entrance("web-second", "web", "80"))
		s.stays(pod, corev1.ConditionTrue, time.Minute)
	})
}

func TestTrapControllerRestartsInARollout(t *testing.T) {
	t.Parallel()
	scripted(t, func(s *stage) {
		web := s.ready(app("web", 4))
		s.rollOut(web, "v2", flaw{}, 0)
		for range 3 {
			s.pass(13 * time.Second)
			s.kill()
			s.pass(3 * time.Second)
			s.begin(s.newReplica())
		}
	})
}

func TestTrapLeaderChangesInARollout(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*stage){
		"clean-hand-over": func(s *stage) { s.handOver() },
		"leader-is-killed": func(s *stage) {
			standby := s.newReplica()
			s.kill()
			s.pass(leaseDuration)
			s.begin(standby)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scripted(t, func(s *stage) {
				web := s.ready(app("web", 4))
				s.rollOut(web, "v2", flaw{}, 0)
				for range 3 {
					s.pass(11 * time.Second)
					change(s)
				}
			})
		})
	}
}

func TestTrapAWSThrottlesForMinutes(t *testing.T) {
	t.Parallel()
	scripted(t, func(s *stage) {
		web := s.ready(app("web", 3))
		s.troubled(5 * time.Minute)
		s.fault(fault.Rule{Code: "ThrottlingException", For: 5 * time.Minute})
		s.rollOut(web, "v2", flaw{}, 0)
		first := s.pod(web, of("v2"))
		s.pass(5 * time.Minute)
		s.stays(first, corev1.ConditionFalse, 0)
		s.sees(first, corev1.ConditionTrue, readiness.Healthy, 45*time.Second) // registered within 15 seconds, and two checks
	})
}

// What failed in an outage is tried soon after its end, not as late again as the outage was long.
func TestTrapAWSFailsForMinutes(t *testing.T) {
	t.Parallel()
	scripted(t, func(s *stage) {
		web := s.ready(app("web", 3))
		s.troubled(4 * time.Minute)
		s.fault(fault.Rule{Status: 503, For: 4 * time.Minute})
		s.rollOut(web, "v2", flaw{}, 0)
		first := s.pod(web, of("v2"))
		s.pass(4 * time.Minute)
		s.sees(first, corev1.ConditionTrue, readiness.Healthy, 45*time.Second) // fifteen seconds, and two checks
	})
}

func TestTrapDescribeTargetHealthIsStale(t *testing.T) {
	t.Parallel()
	stale := func(s *stage) {
		s.fault(fault.Rule{Operation: "DescribeTargetHealth", Stale: 12 * time.Second, For: 4 * time.Minute})
	}
	for name, script := range map[string]func(*stage){
		"in-a-rollout": func(s *stage) {
			web := s.ready(app("web", 3))
			s.troubled(4 * time.Minute)
			stale(s)
			s.rollOut(web, "v2", flaw{}, 0)
		},
		"when-a-binding-comes-back": func(s *stage) {
			web := s.ready(app("web", 3))
			binding := s.lent("lent", web.name)
			s.create(binding)
			s.pass(2 * time.Minute)
			s.troubled(4 * time.Minute)
			stale(s)
			_ = s.kube.remove("TargetGroupBinding", keyOf(binding), "")
			s.pass(3 * time.Second)
			binding.SetResourceVersion("")
			s.create(binding)
			s.pass(90 * time.Second) // for an answer that is not so old, and for the addresses to have drained
			for _, pod := range web.pods(s.cluster) {
				if ports := s.registered(pod.Status.PodIP); len(ports) != 2 {
					s.surprise("Pod %s is registered by %v, want 8080 twice", pod.Name, ports)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scripted(t, script)
		})
	}
	unguarded(t, openedInVain, bug("trusts-stale-health"), func(s *stage) { takeOver(s, func() {}) })
}

func TestTrapRegistrationTakesEffectButItsAnswerIsLost(t *testing.T) {
	t.Parallel()
	scripted(t, func(s *stage) {
		web := s.ready(app("web", 3))
		s.fault(fault.Rule{Operation: "RegisterTargets", LoseAnswer: true, For: 30 * time.Second})
		s.rollOut(web, "v2", flaw{}, 0)
		s.sees(s.pod(web, of("v2")), corev1.ConditionTrue, readiness.Healthy, 75*time.Second)
		if s.happened("gate", readiness.AddressAdopted) {
			s.surprise("a Pod's own registration is taken for that of an earlier Pod")
		}
	})
}

// AWS has the registration and nobody knows, until the Pod goes and the next one has its address.
func TestTrapRegistrationWithoutAnswerOutlivesItsPod(t *testing.T) {
	t.Parallel()
	scripted(t, func(s *stage) {
		web := s.ready(app("web", 2, func(w *workload) { w.kind = statefulSet }))
		s.fault(fault.Rule{Operation: "RegisterTargets", LoseAnswer: true, For: 50 * time.Second})
		s.resize(web, 3)
		s.pass(40 * time.Second)
		old := s.pod(web, func(p *corev1.Pod) bool { return p.Name == "web-2" })
		s.oracle.begun(web.name, propagation)
		s.cluster.kubelet.bequeath(old)
		_ = s.kube.remove("Pod", keyOf(old), old.UID)
		heir := s.pod(web, heirOf(old))
		s.sees(heir, corev1.ConditionFalse, "Target.DeregistrationInProgress", time.Minute)
	})
}

// point makes a Service serve other Pods.
func (s *stage) point(service string, at *workload) {
	s.oracle.begun(service, propagation)
	edit(s.kube, shop, service, false, func(o *corev1.Service) { o.Spec.Selector = map[string]string{"app": at.name} })
}

func TestTrapSelectorIsSwitchedToOlderPods(t *testing.T) {
	t.Parallel()
	toHealthyOnes := func(s *stage) {
		blue := s.ready(app("blue", 3))
		green := s.run(app("green", 3))
		s.comesToRest(5 * time.Minute)
		s.oracle.keeps(blue.name)
		defer s.oracle.keepsNoMore()
		s.point(blue.name, green)
		s.pass(3 * time.Minute)
		s.change(blue, func() { blue.gone = true })
	}
	toSickOnesAndBack := func(s *stage) {
		blue := s.ready(app("blue", 3))
		green := s.run(app("green", 3, func(w *workload) { w.flaws["v1"] = flaw{never: true} }))
		s.comesToRest(5 * time.Minute)
		s.oracle.keeps(blue.name)
		defer s.oracle.keepsNoMore()
		s.point(blue.name, green)
		s.pass(3 * time.Minute)
		s.point(blue.name, blue)
		s.pass(3 * time.Minute)
		s.change(green, func() { green.gone = true })
	}
	scripted(t, toHealthyOnes)
	scripted(t, toSickOnesAndBack)
	unguarded(t, promiseBroken, plant{calls: healthAnswers(func(_ *memory, text string) string {
		return strings.ReplaceAll(text, "<State>unhealthy", "<State>healthy") // whoever is judged at all counts as a successor
	})}, toSickOnesAndBack)
}

func TestTrapLabelsChangeAfterCreation(t *testing.T) {
	t.Parallel()
	takeOut := func(s *stage, pod *corev1.Pod) {
		edit(s.kube, shop, pod.Name, false, func(p *corev1.Pod) { p.Labels["tier"] = "none" })
	}
	for name, script := range map[string]func(*stage){
		"while-it-waits": func(s *stage) {
			web := s.ready(app("web", 2, func(w *workload) { w.flaws["v2"] = flaw{never: true} }))
			s.rollOut(web, "v2", flaw{never: true}, 0)
			waiting := s.pod(web, of("v2"))
			s.sees(waiting, corev1.ConditionFalse, "Target.ResponseCodeMismatch", 2*time.Minute)
			takeOut(s, waiting)
			s.sees(waiting, corev1.ConditionTrue, readiness.NoLoadBalancer, 5*time.Second)
			s.oracle.begun(web.name, propagation)
			s.rollOut(web, "v3", flaw{}, 0)
		},
		"when-it-serves": func(s *stage) {
			web := s.ready(app("web", 2))
			pod := s.pod(web, anyPod)
			s.oracle.begun(web.name, propagation)
			takeOut(s, pod)
			s.stays(pod, corev1.ConditionTrue, time.Minute)
			if ports := s.registered(pod.Status.PodIP); ports != nil {
				s.surprise("the Pod is registered by %v although no Service selects it", ports)
			}
			_ = s.kube.remove("Pod", keyOf(pod), pod.UID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scripted(t, script)
		})
	}
}

func TestTrapAllProbesFailForTenSeconds(t *testing.T) {
	t.Parallel()
	script := func(s *stage) {
		web := s.ready(app("web", 3))
		s.pass(2 * time.Minute)
		s.failAll(0, web)
	}
	scripted(t, script)
	unguarded(t, promiseBroken, bug("deregisters-the-last-target"), script)
}

func TestTrapVersionSickensTenSecondsAfterItsFirstSuccess(t *testing.T) {
	t.Parallel()
	script := func(s *stage) {
		web := s.ready(app("web", 3))
		s.rollOut(web, "sick", flaw{sickens: 10 * time.Second}, time.Minute)
		s.sees(s.pod(web, of("sick")), corev1.ConditionTrue, readiness.Healthy, time.Minute)
		s.pass(5 * time.Minute)
		if sick := web.count(s.cluster, "sick"); sick != 1 {
			s.surprise("the rollout went on to %d Pods of the version that sickens", sick)
		}
		s.rollOut(web, "v2", flaw{}, 0)
	}
	scripted(t, script)
	unguarded(t, promiseBroken, bug("trusts-stale-health"), script)
}
