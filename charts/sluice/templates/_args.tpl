{{/*
The controller's flags, as a list. What has no value is left to the controller.
*/}}
{{- define "sluice.args" -}}
{{- $v := .Values -}}
- --mode={{ $v.mode }}
- --cluster-name={{ $v.clusterName }}
{{- with $v.vpcId }}
- --aws-vpc-id={{ . }}
{{- end }}
{{- with $v.region }}
- --aws-region={{ . }}
{{- end }}
- --ingress-class={{ $v.ingressClass }}
- --default-target-type={{ $v.defaultTargetType }}
- --default-load-balancer-scheme={{ $v.defaultLoadBalancerScheme }}
{{- with $v.defaultSSLPolicy }}
- --default-ssl-policy={{ . }}
{{- end }}
{{- with include "sluice.list" $v.certDiscovery.allowedCertificateAuthorityARNs }}
- {{ printf "--allowed-certificate-authority-arns=%s" . | quote }}
{{- end }}
{{- if not $v.enableBackendSecurityGroup }}
- --enable-backend-security-group=false
{{- end }}
{{- with $v.backendSecurityGroup }}
- --backend-security-group={{ . }}
{{- end }}
{{- if $v.enableManageBackendSecurityGroupRules }}
- --enable-manage-backend-security-group-rules
{{- end }}
{{- if $v.disableRestrictedSecurityGroupRules }}
- --disable-restricted-sg-rules
{{- end }}
{{- with include "sluice.pairs" $v.serviceTargetENISGTags }}
- {{ printf "--service-target-eni-security-group-tags=%s" . | quote }}
{{- end }}
{{- with include "sluice.pairs" $v.controllerConfig.featureGates }}
- {{ printf "--feature-gates=%s" . | quote }}
{{- end }}
{{- if not $v.tolerateNonExistentBackendService }}
- --tolerate-non-existent-backend-service=false
{{- end }}
{{- if not $v.tolerateNonExistentBackendAction }}
- --tolerate-non-existent-backend-action=false
{{- end }}
{{- with include "sluice.pairs" $v.defaultTags }}
- {{ printf "--default-tags=%s" . | quote }}
{{- end }}
{{- with include "sluice.list" $v.externalManagedTags }}
- {{ printf "--external-managed-tags=%s" . | quote }}
{{- end }}
- --ingress-max-concurrent-reconciles={{ int $v.ingressMaxConcurrentReconciles }}
- --targetgroupbinding-max-concurrent-reconciles={{ int $v.targetgroupbindingMaxConcurrentReconciles }}
- --aws-budget-share={{ $v.awsBudgetShare }}
- --drift-interval={{ $v.driftInterval }}
- --brake-deletions={{ int $v.brake.deletions }}
- --brake-targets={{ $v.brake.targets }}
- --unready-grace={{ $v.unreadyGrace }}
- --gate-naming={{ $v.gateNaming }}
- --claim-deadline={{ $v.claimDeadline }}
- --health-sample-interval={{ $v.healthSampleInterval }}
{{- with $v.abandon }}
- --abandon={{ join "," . }}
{{- end }}
{{- if $v.dryRun }}
- --dry-run
{{- end }}
- --leader-election-namespace={{ .Release.Namespace }}
- --metrics-bind-addr={{ $v.metricsBindAddr }}
- --health-probe-bind-addr={{ $v.healthProbeBindAddr }}
- --log-level={{ $v.logLevel }}
{{- range $v.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{/* A list, or a string that is one already, with commas. */}}
{{- define "sluice.list" -}}
{{- if kindIs "string" . }}{{ . }}{{ else }}{{ join "," . }}{{ end }}
{{- end }}

{{/* A map, or a string that is one already, as key=value,… in the order of keys. What has a comma is quoted as pflag wants it. */}}
{{- define "sluice.pairs" -}}
{{- if kindIs "string" . }}{{ . }}
{{- else }}
{{- $pairs := list }}
{{- range $key := keys . | sortAlpha }}
{{- $pair := printf "%s=%s" $key (include "sluice.text" (get $ $key)) }}
{{- $pairs = append $pairs (ternary (printf "%q" $pair) $pair (contains "," $pair)) }}
{{- end }}
{{- join "," $pairs }}
{{- end }}
{{- end }}

{{/* A word that somebody may have written as a number, which Helm reads as a float: never 1.2e+07. */}}
{{- define "sluice.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ printf "%.0f" . }}{{ else }}{{ . }}{{ end }}
{{- end }}
