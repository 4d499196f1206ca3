"""The sections of `config.yaml`; `infra.config` puts them together."""
