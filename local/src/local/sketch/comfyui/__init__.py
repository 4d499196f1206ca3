"""ComfyUI's HTTP and websocket API, as recorded in facts/runtimes.md, with a small graph interpreter."""
