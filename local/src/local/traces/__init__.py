"""The local trace store: OTLP and X-Ray documents come in on loopback, pages and JSON go out (ADR 10)."""
