{{/* All that is wrong with the values and that a schema cannot say, in one answer. */}}
{{- define "sluice.check" -}}
{{- $wrong := list }}
{{- if not .Values.clusterName }}
{{- $wrong = append $wrong "clusterName: give the name that the cluster's AWS resources are tagged with, such as --set clusterName=prod" }}
{{- end }}
{{- if not .Values.image.repository }}
{{- $wrong = append $wrong "image.repository: say where you keep the image, such as --set image.repository=registry.example.com/sluice; none is published yet, the Dockerfile builds it" }}
{{- end }}
{{- if eq .Values.mode "full" }}
{{- if not .Values.vpcId }}
{{- $wrong = append $wrong "vpcId: mode full needs the id of the cluster's VPC, such as --set vpcId=vpc-0123456789abcdef0" }}
{{- end }}
{{- else if .Values.dryRun }}
{{- $wrong = append $wrong "dryRun: only mode full changes anything in AWS; use mode observe" }}
{{- end }}
{{- if and .Values.enableManageBackendSecurityGroupRules (not .Values.enableBackendSecurityGroup) }}
{{- $wrong = append $wrong "enableManageBackendSecurityGroupRules: it needs enableBackendSecurityGroup" }}
{{- end }}
{{- if and .Values.serviceMonitor.enabled (not .Values.metricsService.enabled) }}
{{- $wrong = append $wrong "serviceMonitor.enabled: it finds the Pods by the Service; set metricsService.enabled" }}
{{- end }}
{{- if and .Values.ingressClassParams.create .Values.ingressClassParams.spec (eq .Values.mode "full") }}
{{- if and (.Capabilities.APIVersions.Has "v1/Pod") (not (.Capabilities.APIVersions.Has "elbv2.k8s.aws/v1beta1/IngressClassParams")) }}
{{- $wrong = append $wrong "ingressClassParams.spec: the cluster does not know the kind yet; install first without it, then upgrade with it" }}
{{- end }}
{{- end }}
{{- $refused := include "sluice.refused" . | fromYaml }}
{{- range $name := keys $refused | sortAlpha }}
{{- if and (hasKey $.Values $name) (not (kindIs "invalid" (get $.Values $name))) }}
{{- $wrong = append $wrong (printf "%s: a value of aws-load-balancer-controller that means nothing here: %s" $name (get $refused $name)) }}
{{- end }}
{{- end }}
{{- with $wrong }}
{{- fail (printf "values:\n  %s" (join "\n  " .)) }}
{{- end }}
{{- end }}
