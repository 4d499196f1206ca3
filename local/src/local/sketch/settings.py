from dataclasses import dataclass
from pathlib import Path

DEFAULT_MODELS = ("v1-5-pruned-emaonly.safetensors", "sd_xl_base_1.0.safetensors")


@dataclass(frozen=True, slots=True, kw_only=True)
class SketchSettings:
    """How a sketch runtime behaves; the same settings serve both protocols.

    Attributes:
        seconds_per_image: simulated GPU time of one picture, spread over its sampling steps.
        models: checkpoint file names that the runtime says it has; the first is loaded at start.
        load_seconds: simulated time of loading a checkpoint.
        cold_seconds: how long after the start no model is loaded (`sd_model_checkpoint` is null).
        paint: False answers every job with one prepared picture per size, for benchmarks.
        history_delay: ComfyUI only, seconds between `execution_success` and the history entry.
        previews: ComfyUI only, binary preview frames on the websocket.
        picture_bytes: above 0, every generation answers with one prepared picture of about this size that
            nothing compresses, and nothing is painted or encoded: for benchmarks.
        folder: ComfyUI only, where input, output and temp files live (default: a temporary folder).
    """

    seconds_per_image: float = 0.0
    models: tuple[str, ...] = DEFAULT_MODELS
    load_seconds: float = 0.0
    cold_seconds: float = 0.0
    paint: bool = True
    history_delay: float = 0.0
    previews: bool = False
    picture_bytes: int = 0
    folder: Path | None = None
