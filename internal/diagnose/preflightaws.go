package diagnose

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/plan"
)

// annotationChecks: an Ingress that asks for what this build does not serve keeps what it has, and
// follows no change.
func annotationChecks(s PreflightSnapshot) []Check {
	users := map[string][]string{}
	look := func(on annotations.Object, kind, name string, set map[string]string) {
		for _, finding := range annotations.Check(on, set) {
			if finding.Reason == annotations.ReasonNotBuilt {
				users[finding.Key] = append(users[finding.Key], kind+" "+name)
			}
		}
	}
	memberships, _ := ingress.Memberships(s.Classes, s.Ingresses, s.Services)
	for _, m := range memberships {
		for _, member := range m.Members {
			look(annotations.OnIngress, "Ingress", member.Ingress.Namespace+"/"+member.Ingress.Name, member.Ingress.Annotations)
			for _, service := range slices.Sorted(maps.Keys(member.Services)) {
				look(annotations.OnService, "Service", member.Ingress.Namespace+"/"+service, member.Services[service].Annotations)
			}
		}
	}
	var checks []Check
	for _, key := range slices.Sorted(maps.Keys(users)) {
		slices.Sort(users[key])
		checks = append(checks, Check{
			Standing: Stop, What: fmt.Sprintf("annotation %s is not served yet: %s", key, some(slices.Compact(users[key]))),
			Remedy: "do without it, or keep the incumbent: the load balancer would stay as it is and follow no change",
		})
	}
	return checks
}

// awsChecks: under another cluster's name Sluice would not know its load balancers again, and
// make all of them anew.
func awsChecks(s PreflightSnapshot) []Check {
	if !s.Asked {
		return []Check{{Standing: Stop, What: "AWS was not asked", Remedy: "see below what could not be read"}}
	}
	checks := []Check{{
		Standing: Warn, What: "AWS was asked with your rights, not with those of the controller, and only to read",
		Remedy: "run sluice --dry-run with the controller's service account to see that it may read; what it may change is not tried before the first change, and the incumbent's IAM policy allows all of it",
	}}
	var strangers []string
	memberships, _ := ingress.Memberships(s.Classes, s.Ingresses, s.Services)
	for _, m := range memberships {
		for _, member := range m.Members {
			object := member.Ingress
			if len(object.Status.LoadBalancer.Ingress) > 0 && len(ingress.Borne(object)) > 0 && !slices.Contains(s.Owned, m.ID.String()) {
				strangers = append(strangers, object.Namespace+"/"+object.Name)
			}
		}
	}
	if len(strangers) > 0 {
		checks = append(checks, Check{
			Standing: Stop, What: fmt.Sprintf("Ingresses have an address, and AWS has no load balancer of theirs with the tag elbv2.k8s.aws/cluster=%s: %s", s.Cluster, some(strangers)),
			Remedy: "give --cluster-name, --aws-vpc-id and --aws-region as the incumbent has them: under others all load balancers are made anew",
		})
	}
	if s.Subnets == 0 {
		checks = append(checks, Check{Standing: Stop, What: fmt.Sprintf("VPC %s has no subnet", s.VPC), Remedy: "give the cluster's VPC as --aws-vpc-id"})
	}
	return checks
}

// planChecks: a change of hands must change nothing.
func planChecks(s PreflightSnapshot) []Check {
	if !s.Asked {
		return []Check{{Standing: Stop, What: "without AWS there is no plan", Remedy: "see below what could not be read"}}
	}
	var checks []Check
	for _, p := range s.Previews {
		name := "what all load balancers share"
		if p.Stack != "" {
			name = "stack " + p.Stack
		}
		if p.Error != "" {
			checks = append(checks, Check{Standing: Stop, What: name + ": there is no plan: " + p.Error, Remedy: "mend that and ask again"})
		}
		for _, problem := range p.Problems {
			if strings.HasPrefix(problem.Field, "metadata.annotations") && problem.Reason == annotations.ReasonNotBuilt {
				continue // told before
			}
			standing := Stop
			if problem.Warning {
				standing = Warn
			}
			checks = append(checks, Check{Standing: standing, What: fmt.Sprintf("%s: %s: %s", problem.Object, problem.Field, problem.Message), Remedy: problem.Remedy})
		}
		if len(p.Steps) > 0 {
			checks = append(checks, Check{Standing: Stop, What: fmt.Sprintf("%s would be changed in %d steps: %s", name, len(p.Steps), some(sentences(p.Steps))), Remedy: "see kubectl sluice plan --all; let the incumbent finish, or change the objects so that they say what is there"})
		}
	}
	return checks
}

func sentences(steps []plan.Told) []string {
	var list []string
	for _, step := range steps {
		list = append(list, step.String())
	}
	return list
}
