"""Traces from the API to the GPU (DESIGN 6).

Import its modules: this one imports nothing, so that a Lambda does not pay for the OpenTelemetry SDK.
"""
