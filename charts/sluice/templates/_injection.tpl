{{/*
What gives Pods their gates in this cluster: policies, webhook, both or none.

A cluster says which kinds it serves. Where nobody has been asked (helm template), the version of
Kubernetes decides: the policies are there from 1.36 on.
*/}}
{{- define "sluice.injection" -}}
{{- if eq .Values.mode "observe" }}none
{{- else if ne .Values.injection "auto" }}{{ .Values.injection }}
{{- else if .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" }}policies
{{- else if .Capabilities.APIVersions.Has "v1/Pod" }}webhook
{{- else if semverCompare ">=1.36-0" .Capabilities.KubeVersion.Version }}policies
{{- else }}webhook
{{- end }}
{{- end }}
