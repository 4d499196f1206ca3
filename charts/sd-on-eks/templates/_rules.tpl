{{- /* What values.schema.json cannot say: rules across values, and what has no default. */ -}}
{{- define "sd.check" -}}
{{- range $key := list "region" "queueUrl" "tasksTable" "notificationsTopicArn" "outputBucket" "payloadBucket" -}}
{{- if not (get $.Values.runtime $key) -}}
{{- fail (printf "runtime.%s: missing" $key) -}}
{{- end -}}
{{- end -}}
{{- $runtime := .Values.runtime -}}
{{- $storage := $runtime.persistence -}}
{{- if and $storage.enabled (not $storage.existingClaim) (not $runtime.modelBucket) -}}
{{- fail "runtime.modelBucket: missing; without one, name runtime.persistence.existingClaim or turn runtime.persistence.enabled off" -}}
{{- end -}}
{{- if and (eq $runtime.type "sdwebui") (not $runtime.dynamicModel) (not $runtime.modelFilename) -}}
{{- fail "runtime.modelFilename: missing; an SD Web UI runtime serves one model, or has dynamicModel: true" -}}
{{- end -}}
{{- if eq (int $runtime.queueAgent.healthPort) (int $runtime.inferenceApi.port) -}}
{{- fail (printf "runtime.queueAgent.healthPort: %d is the port of the runtime in the same pod" (int $runtime.queueAgent.healthPort)) -}}
{{- end -}}
{{- if not (dig "limits" "nvidia.com/gpu" "" $runtime.inferenceApi.resources) -}}
{{- fail "runtime.inferenceApi.resources.limits: nvidia.com/gpu is missing; Karpenter would take a node without one" -}}
{{- end -}}
{{- if and $runtime.scaling.enabled (gt (int $runtime.scaling.minReplicaCount) (int $runtime.scaling.maxReplicaCount)) -}}
{{- fail (printf "runtime.scaling.minReplicaCount: %d is more than maxReplicaCount, %d" (int $runtime.scaling.minReplicaCount) (int $runtime.scaling.maxReplicaCount)) -}}
{{- end -}}
{{- if .Values.karpenter.enabled -}}{{- include "sd.checkNodes" . -}}{{- end -}}
{{- end -}}

{{- define "sd.checkNodes" -}}
{{- $nodes := .Values.karpenter.nodeTemplate -}}
{{- $disk := $nodes.dataVolume -}}
{{- if not .Values.cluster.name -}}
{{- fail "cluster.name: missing; Karpenter finds subnets, security groups and the nodes' role by it" -}}
{{- end -}}
{{- if not (regexMatch (eq $nodes.amiFamily "Bottlerocket" | ternary "^(latest|v?[0-9]+[.][0-9]+[.][0-9]+)$" "^(latest|v[0-9]{8})$") $nodes.amiVersion) -}}
{{- fail (printf "karpenter.nodeTemplate.amiVersion: %s is no release of %s; as v1.57.0 of Bottlerocket, v20260801 of AL2023, or latest" $nodes.amiVersion $nodes.amiFamily) -}}
{{- end -}}
{{- if not (or .Values.karpenter.provisioner.capacityType.onDemand .Values.karpenter.provisioner.capacityType.spot) -}}
{{- fail "karpenter.provisioner.capacityType: one of onDemand and spot has to be true" -}}
{{- end -}}
{{- if and $disk.volumeInitializationRate (not $disk.snapshotID) -}}
{{- fail "karpenter.nodeTemplate.dataVolume.volumeInitializationRate: only with a snapshotID" -}}
{{- end -}}
{{- if $disk.snapshotID -}}
{{- if ne $nodes.amiFamily "Bottlerocket" -}}
{{- fail (printf "karpenter.nodeTemplate.dataVolume.snapshotID: only with amiFamily Bottlerocket, not %s" $nodes.amiFamily) -}}
{{- end -}}
{{- if $nodes.instanceStorePolicy -}}
{{- fail "karpenter.nodeTemplate.instanceStorePolicy: RAID0 puts images on other disks than the snapshot's; take one of them" -}}
{{- end -}}
{{- end -}}
{{- end -}}
