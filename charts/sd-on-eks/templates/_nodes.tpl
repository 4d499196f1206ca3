{{- /* The old selectors, a mapping of tags or `aws-ids`, as the list of terms that it is now; without, what is known of the
       cluster. */ -}}
{{- define "sd.selectorTerms" -}}
{{- $old := .old | default dict -}}
{{- $ids := .ids -}}
{{- with get $old "aws-ids" -}}{{- $ids = splitList "," . -}}{{- end -}}
{{- if and $old (not (hasKey $old "aws-ids")) -}}
- tags:
    {{- toYaml $old | nindent 4 }}
{{- else if $ids -}}
{{- range $ids }}
- id: {{ . | trim | quote }}
{{- end -}}
{{- else -}}
- tags: {karpenter.sh/discovery: {{ .cluster | quote }}}
{{- end -}}
{{- end -}}

{{- /* A disk without what is empty, and without what its type does not take. */ -}}
{{- define "sd.disk" -}}
{{- $takes := dict "gp3" (list "iops" "throughput") "io1" (list "iops") "io2" (list "iops") -}}
{{- $unfit := list "iops" "throughput" -}}
{{- range get $takes .volumeType | default list -}}{{- $unfit = without $unfit . -}}{{- end -}}
{{- $disk := dict -}}
{{- range $key, $value := . -}}
{{- if and (or (kindIs "bool" $value) $value) (not (has $key $unfit)) -}}
{{- $_ := set $disk $key (kindIs "float64" $value | ternary (int $value) $value) -}}
{{- end -}}
{{- end -}}
{{- toYaml $disk -}}
{{- end -}}
