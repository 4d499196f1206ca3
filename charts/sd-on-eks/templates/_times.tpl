{{- /* Seconds of the longest inference, whatever its task type. */ -}}
{{- define "sd.longest" -}}
{{- $longest := .Values.runtime.queueAgent.inferenceLimitSeconds | int -}}
{{- range .Values.runtime.queueAgent.inferenceLimits -}}
{{- $longest = max $longest (. | ceil | int) -}}
{{- end -}}
{{- $longest -}}
{{- end -}}

{{- /* What the agent may take after SIGTERM: the longest inference and its delivery. It takes 90 seconds at most, since
       a spot instance is gone after 120; a run that is longer is given back. */ -}}
{{- define "sd.agentGrace" -}}
{{- min 90 (add (include "sd.longest" . | int) 30) -}}
{{- end -}}

{{- define "sd.podGrace" -}}
{{- add (include "sd.agentGrace" . | int) 30 -}}
{{- end -}}

{{- /* The HPA takes an hour at most. */ -}}
{{- define "sd.scaleDownWindow" -}}
{{- .Values.runtime.scaling.scaleDownStabilizationSeconds | default (min 3600 (include "sd.longest" . | int)) -}}
{{- end -}}
