"""The SD Web UI (AUTOMATIC1111 / Forge) HTTP API under /sdapi/v1, as recorded in facts/a1111-contract.md."""
