{{/* Labels of every object. */}}
{{- define "sluice.labels" -}}
app.kubernetes.io/name: sluice
app.kubernetes.io/instance: {{ .Release.Name }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.additionalLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels by which the controller's Pods are found. They can never change. */}}
{{- define "sluice.selector" -}}
{app.kubernetes.io/name: sluice, app.kubernetes.io/component: controller}
{{- end }}

{{- define "sluice.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* The port of an address such as ":8080". */}}
{{- define "sluice.port" -}}
{{- regexFind "[0-9]+$" . }}
{{- end }}

{{- define "sluice.measured" -}}
{{- if and (ne (toString .Values.metricsBindAddr) "0") (ne (toString .Values.metricsBindAddr) "") }}yes{{ end }}
{{- end }}

{{/* The name that the class's parameters have, or nothing where it has none. */}}
{{- define "sluice.classParams" -}}
{{- with .Values.ingressClassParams }}{{ .name | default (ternary $.Values.ingressClass "" (not (empty .spec))) }}{{ end }}
{{- end }}
