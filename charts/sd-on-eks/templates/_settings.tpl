{{- /* The agent's settings, which are strings all. What is not set has the agent's default. */ -}}
{{- define "sd.agentSettings" -}}
{{- $runtime := .Values.runtime -}}
{{- $agent := $runtime.queueAgent -}}
AWS_REGION: {{ $runtime.region | quote }}
AWS_DEFAULT_REGION: {{ $runtime.region | quote }}
RUNTIME_NAME: {{ include "sd.runtimeName" . | quote }}
RUNTIME_TYPE: {{ $runtime.type | quote }}
RUNTIME_URL: {{ printf "http://127.0.0.1:%d" (int $runtime.inferenceApi.port) | quote }}
QUEUE_URL: {{ $runtime.queueUrl | quote }}
TASKS_TABLE: {{ $runtime.tasksTable | quote }}
NOTIFICATIONS_TOPIC_ARN: {{ $runtime.notificationsTopicArn | quote }}
OUTPUT_BUCKET: {{ $runtime.outputBucket | quote }}
PAYLOAD_BUCKET: {{ $runtime.payloadBucket | quote }}
DYNAMIC_MODEL: {{ $runtime.dynamicModel | quote }}
{{- if $runtime.modelFilename }}
MODEL_FILENAME: {{ $runtime.modelFilename | quote }}
{{- end }}
ALLOWED_INPUT_HOSTS: {{ $runtime.allowedInputHosts | toJson | quote }}
ALLOWED_INPUT_S3: {{ $runtime.allowedInputS3 | toJson | quote }}
INFERENCE_LIMIT_SECONDS: {{ $agent.inferenceLimitSeconds | int | quote }}
INFERENCE_LIMITS: {{ $agent.inferenceLimits | toJson | quote }}
SHUTDOWN_GRACE_SECONDS: {{ include "sd.agentGrace" . | quote }}
RESTART_FILE: {{ include "sd.restartFile" . | quote }}
STATE_DIR: {{ printf "%s/state" (include "sd.shared" .) | quote }}
HEALTH_PORT: {{ $agent.healthPort | int | quote }}
{{- end -}}

{{- define "sd.runtimeFiles" -}}
{{- $api := .Values.runtime.inferenceApi -}}
{{- if eq .Values.runtime.type "sdwebui" -}}
config.json: {{ $api.config | toJson | quote }}
{{- else if eq .Values.runtime.type "comfyui" -}}
{{- $folders := dict "base_path" $api.modelMountPath -}}
{{- range $kind, $paths := $api.modelPaths -}}
{{- $_ := set $folders $kind (join "\n" $paths) -}}
{{- end -}}
extra_model_paths.yaml: {{ dict "darkroom" $folders | toYaml | quote }}
{{- end -}}
{{- end -}}
