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

{{- define "sd.disk" -}}
{{- $disk := dict -}}
{{- range $key, $value := . -}}
{{- if or (kindIs "bool" $value) $value -}}
{{- $_ := set $disk $key (kindIs "float64" $value | ternary (int $value) $value) -}}
{{- end -}}
{{- end -}}
{{- toYaml $disk -}}
{{- end -}}
