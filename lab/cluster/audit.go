package cluster

import (
	"os"
	"path/filepath"
)

// auditPolicy lets the API server write down who of the service accounts asked for what, and
// whether it was allowed: no contents, and each request once, at its end or when a watch begins.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- level: Metadata
  userGroups: ["system:serviceaccounts"]
- level: None
`

// audit returns the flags that it takes.
func (c *Cluster) audit() ([]string, error) {
	file := filepath.Join(c.config.Dir, "audit-policy.yaml")
	return []string{"--audit-policy-file=" + file, "--audit-log-path=" + filepath.Join(c.config.LogDir, "audit.log")}, os.WriteFile(file, []byte(auditPolicy), 0o600)
}
