"""Generation parameters as text and as the `info` object."""

import json
import re
from dataclasses import dataclass
from typing import Any

from local.sketch.sdwebui.catalogue import Checkpoint

VERSION = "darkroom-sketch"


@dataclass(frozen=True, slots=True)
class Facts:
    """What was really used for a job, which may differ from what was asked for."""

    prompt: str
    negative: str
    steps: int
    sampler: str
    schedule: str
    cfg_scale: float
    seeds: tuple[int, ...]
    subseeds: tuple[int, ...]
    width: int
    height: int
    batch_size: int
    model: Checkpoint
    denoise: float | None
    clip_skip: int
    job_timestamp: str

    def infotext(self, seed: int) -> str:
        """The text of one picture, as it goes into the PNG's `parameters` chunk."""
        pairs = [
            ("Steps", self.steps),
            ("Sampler", self.sampler),
            ("Schedule type", self.schedule),
            ("CFG scale", self.cfg_scale),
            ("Seed", seed),
            ("Size", f"{self.width}x{self.height}"),
            ("Model hash", self.model.short_hash),
            ("Model", self.model.name),
        ]
        pairs += [("Denoising strength", self.denoise)] if self.denoise is not None else []
        pairs += [("Clip skip", self.clip_skip)] if self.clip_skip > 1 else []
        pairs += [("Version", VERSION)]
        lines = [self.prompt]
        lines += [f"Negative prompt: {self.negative}"] if self.negative else []
        lines += [", ".join(f"{key}: {value}" for key, value in pairs)]
        return "\n".join(lines)

    def _extra_parameters(self) -> dict[str, Any]:
        extra: dict[str, Any] = {}
        if self.schedule != "Automatic":
            extra["Schedule type"] = self.schedule
        if self.denoise is not None:
            extra["Denoising strength"] = self.denoise
        return extra

    def as_json(self) -> str:
        """The `info` of the answer: JSON in a string, as recorded."""
        count = len(self.seeds)
        return json.dumps(
            {
                "prompt": self.prompt,
                "all_prompts": [self.prompt] * count,
                "negative_prompt": self.negative,
                "all_negative_prompts": [self.negative] * count,
                "seed": self.seeds[0],
                "all_seeds": list(self.seeds),
                "subseed": self.subseeds[0],
                "all_subseeds": list(self.subseeds),
                "subseed_strength": 0,
                "width": self.width,
                "height": self.height,
                "sampler_name": self.sampler,
                "cfg_scale": self.cfg_scale,
                "steps": self.steps,
                "batch_size": self.batch_size,
                "restore_faces": False,
                "face_restoration_model": None,
                "sd_model_name": self.model.name,
                "sd_model_hash": self.model.short_hash,
                "sd_vae_name": None,
                "sd_vae_hash": None,
                "seed_resize_from_w": -1,
                "seed_resize_from_h": -1,
                "denoising_strength": self.denoise,
                "extra_generation_params": self._extra_parameters(),
                "index_of_first_image": 0,
                "infotexts": [self.infotext(seed) for seed in self.seeds],
                "styles": [],
                "job_timestamp": self.job_timestamp,
                "clip_skip": self.clip_skip,
                "is_using_inpainting_conditioning": False,
                "version": VERSION,
            }
        )


def read_infotext(text: str) -> dict[str, Any]:
    """The parameters in a picture's text, as POST /sdapi/v1/png-info names them."""
    *prompt, last = text.split("\n") if text else [""]
    found = dict(re.findall(r"([A-Z][\w ]*?): ([^,]+)(?:, |$)", last))
    if not found:
        prompt = [*prompt, last]
    positive = [line for line in prompt if not line.startswith("Negative prompt: ")]
    negative = [line.removeprefix("Negative prompt: ") for line in prompt if line not in positive]
    width, _, height = found.pop("Size", "").partition("x")
    size = {"Size-1": width, "Size-2": height} if height else {}
    return {
        **found,
        **size,
        "Prompt": "\n".join(positive),
        "Negative prompt": "\n".join(negative),
        "Clip skip": found.get("Clip skip", "1"),
    }
