{{- /* Helm ends release names at 53 characters, so that what KEDA makes of them fits into 63. */ -}}
{{- define "sd.fullname" -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{- define "sd.runtimeName" -}}
{{- .Values.runtime.name | default .Release.Name -}}
{{- end -}}

{{- /* Names of objects outside namespaces; a namespace has no dot. */ -}}
{{- define "sd.clusterWideName" -}}
{{- $name := printf "%s.%s" .Release.Namespace (include "sd.fullname" .) -}}
{{- if gt (len $name) 63 -}}
{{- printf "%s-%s" ($name | trunc 54 | trimAll ".-") ($name | sha256sum | trunc 8) -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end -}}

{{- define "sd.serviceAccountName" -}}
{{- .Values.runtime.serviceAccountName | default (include "sd.fullname" .) -}}
{{- end -}}

{{- define "sd.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "sd.labels" -}}
{{ include "sd.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
darkroom/runtime: {{ include "sd.runtimeName" . | quote }}
{{- end -}}

{{- /* A volume's source cannot be changed, so another source is another volume. */ -}}
{{- define "sd.volumeName" -}}
{{- $s3 := .Values.runtime.persistence.s3 -}}
{{- $source := list .Release.Namespace (include "sd.fullname" .) .Values.runtime.modelBucket .Values.runtime.region .Values.runtime.persistence.size $s3 | toJson -}}
{{- printf "%s-models-%s" (include "sd.fullname" . | trunc 40 | trimSuffix "-") ($source | sha256sum | trunc 8) -}}
{{- end -}}

{{- define "sd.claimName" -}}
{{- .Values.runtime.persistence.existingClaim | default (include "sd.volumeName" .) -}}
{{- end -}}

{{- define "sd.image" -}}
{{- $separator := hasPrefix "sha256:" .tag | ternary "@" ":" -}}
{{- printf "%s%s%s" .repository $separator .tag -}}
{{- end -}}

{{- define "sd.runtimeImage" -}}
{{- $image := .Values.runtime.inferenceApi.image -}}
{{- $type := .Values.runtime.type -}}
{{- $repository := $image.repository -}}
{{- if not $repository -}}
{{- if .Values.imageRegistry -}}
{{- $repository = printf "%s/sd-on-eks/%s" .Values.imageRegistry $type -}}
{{- else if has $type (list "sdwebui" "comfyui") -}}
{{- $repository = printf "public.ecr.aws/bingjiao/sd-on-eks/%s" $type -}}
{{- else -}}
{{- fail (printf "runtime.inferenceApi.image.repository: the type %q has no image of its own; name one, or imageRegistry" $type) -}}
{{- end -}}
{{- end -}}
{{- include "sd.image" (dict "repository" $repository "tag" $image.tag) -}}
{{- end -}}

{{- define "sd.agentImage" -}}
{{- $image := .Values.runtime.queueAgent.image -}}
{{- $repository := $image.repository -}}
{{- if not $repository -}}
{{- if not .Values.imageRegistry -}}
{{- fail "runtime.queueAgent.image.repository: name the image of the queue agent, or imageRegistry; there is no public one" -}}
{{- end -}}
{{- $repository = printf "%s/sd-on-eks/queue-agent" .Values.imageRegistry -}}
{{- end -}}
{{- include "sd.image" (dict "repository" $repository "tag" ($image.tag | default .Chart.AppVersion)) -}}
{{- end -}}
