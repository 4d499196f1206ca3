{{- /* Whether somebody else than Helm has set the number of pods of a Deployment: KEDA, the HPA, kubectl. */ -}}
{{- define "sd.scaledByOthers" -}}
{{- range dig "metadata" "managedFields" list . -}}
{{- if and (ne (get . "manager") "helm") (hasKey (dig "fieldsV1" "f:spec" dict .) "f:replicas") -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The number of pods, or nothing. A new release that KEDA scales starts no GPU. Of one that is there, server-side apply
       refuses a number other than the one that somebody else has set; and what Helm has set and leaves out becomes 1,
       unless somebody else has set it too. So what others have set is left to them, and what is Helm's stays as it is when
       KEDA takes over. */ -}}
{{- define "sd.replicas" -}}
{{- $scaling := .Values.runtime.scaling -}}
{{- $there := lookup "apps/v1" "Deployment" .Release.Namespace (include "sd.fullname" .) -}}
{{- if not $there -}}
{{- $scaling.enabled | ternary $scaling.minReplicaCount .Values.runtime.replicas | int -}}
{{- else if not (include "sd.scaledByOthers" $there) -}}
{{- $scaling.enabled | ternary (dig "spec" "replicas" 1 $there) .Values.runtime.replicas | int -}}
{{- end -}}
{{- end -}}
