{{- /* A value as text. Helm reads numbers as floating point, which `toString` writes as 1.048576e+06. */ -}}
{{- define "sd.text" -}}
{{- if kindIs "string" . -}}{{- . -}}{{- else -}}{{- toJson . -}}{{- end -}}
{{- end -}}

{{- define "sd.shared" -}}/var/run/darkroom{{- end -}}
{{- define "sd.restartFile" -}}{{ include "sd.shared" . }}/restart{{- end -}}
{{- define "sd.settings" -}}/opt/darkroom{{- end -}}
{{- define "sd.bucket" -}}/mnt/models{{- end -}}

{{- /* A list of environment variables as one mapping of names to entries, whichever of both ways it was written in. */ -}}
{{- define "sd.envEntries" -}}
{{- $entries := dict -}}
{{- if kindIs "slice" . -}}
{{- range . -}}{{- $_ := set $entries .name . -}}{{- end -}}
{{- else -}}
{{- range $name, $value := . -}}{{- $_ := set $entries $name (dict "name" $name "value" (include "sd.text" $value)) -}}{{- end -}}
{{- end -}}
{{- toJson $entries -}}
{{- end -}}

{{- /* The chart's variables, then the user's; a name comes once, since server-side apply refuses it twice. */ -}}
{{- define "sd.env" -}}
{{- $extra := include "sd.envEntries" .extra | fromJson -}}
{{- $env := list -}}
{{- range .ours -}}{{- if not (hasKey $extra .name) -}}{{- $env = append $env . -}}{{- end -}}{{- end -}}
{{- if kindIs "slice" .extra -}}
{{- range .extra -}}{{- $env = append $env . -}}{{- end -}}
{{- else -}}
{{- range $name := keys $extra | sortAlpha -}}{{- $env = append $env (get $extra $name) -}}{{- end -}}
{{- end -}}
{{- toYaml $env -}}
{{- end -}}

{{- define "sd.runtimeEnv" -}}
{{- $api := .Values.runtime.inferenceApi -}}
{{- $ours := list -}}
{{- $arguments := list -}}
{{- if eq .Values.runtime.type "sdwebui" -}}
{{- $ours = append $ours (dict "name" "API_ONLY" "value" "true") -}}
{{- $ours = append $ours (dict "name" "CONFIG_FILE" "value" (printf "%s/config.json" (include "sd.settings" .))) -}}
{{- if .Values.runtime.dynamicModel -}}
{{- $ours = append $ours (dict "name" "DYNAMIC_SD_MODEL" "value" "true") -}}
{{- else -}}
{{- $ours = append $ours (dict "name" "SD_MODEL_CHECKPOINT" "value" .Values.runtime.modelFilename) -}}
{{- end -}}
{{- else if eq .Values.runtime.type "comfyui" -}}
{{- $arguments = append $arguments (printf "--extra-model-paths-config %s/extra_model_paths.yaml" (include "sd.settings" .)) -}}
{{- end -}}
{{- if $api.commandArguments -}}{{- $arguments = append $arguments $api.commandArguments -}}{{- end -}}
{{- if $arguments -}}{{- $ours = append $ours (dict "name" "EXTRA_CMD_ARG" "value" (join " " $arguments)) -}}{{- end -}}
{{- include "sd.env" (dict "ours" $ours "extra" $api.extraEnv) -}}
{{- end -}}

{{- define "sd.agentEnv" -}}
{{- $agent := .Values.runtime.queueAgent -}}
{{- $ours := list -}}
{{- if $agent.otlpEndpoint -}}
{{- $ours = append $ours (dict "name" "HOST_IP" "valueFrom" (dict "fieldRef" (dict "apiVersion" "v1" "fieldPath" "status.hostIP"))) -}}
{{- $ours = append $ours (dict "name" "OTEL_EXPORTER_OTLP_ENDPOINT" "value" $agent.otlpEndpoint) -}}
{{- end -}}
{{- include "sd.env" (dict "ours" $ours "extra" $agent.extraEnv) -}}
{{- end -}}

{{- define "sd.startupProbe" -}}
{{- $api := .Values.runtime.inferenceApi -}}
{{- if $api.startupProbe -}}
{{ toYaml $api.startupProbe }}
{{- else if eq .Values.runtime.type "sdwebui" -}}
httpGet: {path: /sdapi/v1/memory, port: runtime}
{{- else if eq .Values.runtime.type "comfyui" -}}
httpGet: {path: /system_stats, port: runtime}
{{- else -}}
tcpSocket: {port: runtime}
{{- end }}
periodSeconds: 5
timeoutSeconds: 5
failureThreshold: {{ div (add $api.startupSeconds 4) 5 }}
terminationGracePeriodSeconds: 10
{{- end -}}

{{- /* A process 1 without a handler for SIGTERM ignores it, and Python has none. For SIGINT it has; what a shell has
       started is killed. Not while the agent listens, which is let finish first; at once when it wants a restart. */ -}}
{{- define "sd.stopScript" -}}
{{- $listens := printf ":%04X [0-9A-F]*:0000 0A" (int .Values.runtime.queueAgent.healthPort) -}}
while [ ! -e {{ include "sd.restartFile" . }} ] && cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q "{{ $listens }}"; do sleep 1; done
kill -INT 1
sleep 3
kill -KILL -1
{{- end -}}

{{- /* Whether models are linked into a folder that can be written to, instead of the bucket being mounted there. */ -}}
{{- define "sd.linked" -}}
{{- $storage := .Values.runtime.persistence -}}
{{- if and $storage.enabled $storage.writableFolders (eq .Values.runtime.type "sdwebui") -}}true{{- end -}}
{{- end -}}

{{- define "sd.prepareScript" -}}
set -eu
{{- if eq .Values.runtime.type "sdwebui" }}
cp /etc/darkroom/config.json {{ include "sd.settings" . }}/config.json
{{- end }}
{{- if eq .Values.runtime.type "comfyui" }}
cp /etc/darkroom/extra_model_paths.yaml {{ include "sd.settings" . }}/extra_model_paths.yaml
{{- end }}
{{- if include "sd.linked" . }}
bucket={{ include "sd.bucket" . }}
models={{ .Values.runtime.inferenceApi.modelMountPath }}
for folder in {{ join " " .Values.runtime.persistence.writableFolders }}; do
  mkdir -p "$models/$folder"
  for file in "$bucket/$folder"/*; do
    if [ -e "$file" ]; then ln -sfn "$file" "$models/$folder/${file##*/}"; fi
  done
done
for entry in "$bucket"/*; do
  if [ -e "$entry" ] && [ ! -e "$models/${entry##*/}" ]; then ln -sfn "$entry" "$models/${entry##*/}"; fi
done
for folder in {{ join " " .Values.runtime.persistence.folders }}; do
  if [ ! -e "$models/$folder" ]; then mkdir -p "$models/$folder"; fi
done
{{- end }}
{{- end -}}

{{- define "sd.modelMounts" -}}
{{- $path := .Values.runtime.inferenceApi.modelMountPath -}}
{{- if include "sd.linked" . -}}
- {name: models, mountPath: {{ include "sd.bucket" . }}, readOnly: true}
- {name: linked-models, mountPath: {{ $path }}}
{{- else if .Values.runtime.persistence.enabled -}}
- {name: models, mountPath: {{ $path }}, readOnly: true}
{{- end -}}
{{- end -}}
