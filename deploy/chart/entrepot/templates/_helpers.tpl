{{- define "entrepot.name" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 53 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}{{ .Release.Name | trunc 53 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name $name | trunc 53 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "entrepot.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "entrepot.labels" -}}
{{ include "entrepot.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Whether something that must outlive a pod is in its data directory. */}}
{{- define "entrepot.keeps" -}}
{{- if not (and .Values.database.existingSecret .Values.storage.url) }}yes{{ end }}
{{- end }}

{{/* Whether two pods may run at once: facts in PostgreSQL, and bytes where all nodes find them. */}}
{{- define "entrepot.shares" -}}
{{- if and .Values.database.existingSecret (or .Values.storage.url (has "ReadWriteMany" .Values.persistence.accessModes)) }}yes{{ end }}
{{- end }}

{{/* Whether certificate authorities are mounted. */}}
{{- define "entrepot.ca" -}}
{{- if or .Values.ca.existingConfigMap .Values.ca.existingSecret }}yes{{ end }}
{{- end }}

{{- define "entrepot.check" -}}
{{- if and (gt (int .Values.replicas) 1) (not (include "entrepot.shares" .)) }}
{{- fail "more than one replica needs database.existingSecret, and storage.url or a ReadWriteMany volume" }}
{{- end }}
{{- if and .Values.oidc.issuer (not .Values.oidc.existingSecret) }}
{{- fail "oidc.issuer needs oidc.existingSecret" }}
{{- end }}
{{- if and .Values.ca.existingConfigMap .Values.ca.existingSecret }}
{{- fail "ca takes existingConfigMap or existingSecret, not both" }}
{{- end }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}
{{- fail "httpRoute.enabled needs httpRoute.parentRefs" }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) }}
{{- fail "ingress.enabled needs ingress.host" }}
{{- end }}
{{- end }}
