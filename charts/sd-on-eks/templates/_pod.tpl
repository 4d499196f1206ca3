{{- /* The settings' digest makes a new pod of a change of them. A node is not taken from under a task for the sake of a
       better one. The role's credentials are for the agent only. */ -}}
{{- define "sd.podAnnotations" -}}
{{- $settings := list (include "sd.agentSettings" .) (include "sd.runtimeFiles" .) | toJson | sha256sum -}}
{{- $ours := dict "darkroom/settings" $settings "karpenter.sh/do-not-disrupt" "true" "eks.amazonaws.com/skip-containers" "prepare,inference-api" -}}
{{- merge (deepCopy .Values.runtime.annotations) $ours | toYaml -}}
{{- end -}}

{{- /* Puts the runtime's settings and models where it may write to them; in its own image, which the node has anyway. */ -}}
{{- define "sd.prepare" -}}
{{- $files := include "sd.runtimeFiles" . -}}
{{- if or $files (include "sd.linked" .) -}}
- name: prepare
  image: {{ include "sd.runtimeImage" . | quote }}
  imagePullPolicy: {{ .Values.runtime.inferenceApi.imagePullPolicy }}
  command: [/bin/sh, -c]
  args:
  - |
    {{- include "sd.prepareScript" . | nindent 4 }}
  resources:
    requests: {cpu: 100m, memory: 128Mi}
    limits: {memory: 512Mi}
  securityContext:
    {{- toYaml .Values.runtime.inferenceApi.securityContext | nindent 4 }}
  volumeMounts:
  {{- if $files }}
  - {name: files, mountPath: /etc/darkroom, readOnly: true}
  - {name: settings, mountPath: {{ include "sd.settings" . }}}
  {{- end }}
  {{- with include "sd.modelMounts" . }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- /* A native sidecar: ready before the agent starts, and there until it has ended. */ -}}
{{- define "sd.runtimeContainer" -}}
{{- $api := .Values.runtime.inferenceApi -}}
- name: inference-api
  image: {{ include "sd.runtimeImage" . | quote }}
  imagePullPolicy: {{ $api.imagePullPolicy }}
  restartPolicy: Always
  {{- with $api.command }}
  command:
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with $api.args }}
  args:
  {{- toYaml . | nindent 2 }}
  {{- end }}
  env:
  {{- include "sd.runtimeEnv" . | nindent 4 }}
  ports:
  - {name: runtime, containerPort: {{ int $api.port }}}
  startupProbe:
    {{- include "sd.startupProbe" . | nindent 4 }}
  # The agent writes the file when the runtime has to be started again.
  livenessProbe:
    exec:
      command: [/bin/sh, -c, "test ! -e {{ include "sd.restartFile" . }}"]
    periodSeconds: 2
    timeoutSeconds: 5
    # One look that took too long is no wish of the agent's; its file stays until the runtime is down.
    failureThreshold: 3
    # Not the pod's: who has to be restarted does not deserve minutes.
    terminationGracePeriodSeconds: 10
  {{- if $api.stopWithAgent }}
  lifecycle:
    preStop:
      exec:
        command:
        - /bin/sh
        - -c
        - |
          {{- include "sd.stopScript" . | nindent 10 }}
  {{- end }}
  resources:
    {{- toYaml $api.resources | nindent 4 }}
  securityContext:
    {{- toYaml $api.securityContext | nindent 4 }}
  volumeMounts:
  - {name: shared, mountPath: {{ include "sd.shared" . }}, readOnly: true}
  {{- if include "sd.runtimeFiles" . }}
  - {name: settings, mountPath: {{ include "sd.settings" . }}}
  {{- end }}
  {{- with include "sd.modelMounts" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with $api.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "sd.agentContainer" -}}
{{- $agent := .Values.runtime.queueAgent -}}
- name: queue-agent
  image: {{ include "sd.agentImage" . | quote }}
  imagePullPolicy: {{ $agent.imagePullPolicy }}
  envFrom:
  - configMapRef: {name: {{ printf "%s-agent" (include "sd.fullname" .) | quote }}}
  env:
  {{- include "sd.agentEnv" . | nindent 4 }}
  ports:
  - {name: health, containerPort: {{ int $agent.healthPort }}}
  livenessProbe:
    httpGet: {path: /livez, port: health}
    initialDelaySeconds: 10
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 3
  readinessProbe:
    httpGet: {path: /readyz, port: health}
    periodSeconds: 10
    timeoutSeconds: 5
  resources:
    {{- toYaml $agent.resources | nindent 4 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: {{ int $agent.runAsUser }}
    runAsGroup: {{ int $agent.runAsUser }}
    allowPrivilegeEscalation: false
    readOnlyRootFilesystem: true
    capabilities: {drop: [ALL]}
  volumeMounts:
  - {name: shared, mountPath: {{ include "sd.shared" . }}}
  - {name: agent-tmp, mountPath: /tmp}
{{- end -}}
