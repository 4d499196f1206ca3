"""What the runtime says it can do: samplers, schedulers, upscalers, scripts (names as recorded)."""

import hashlib
from dataclasses import dataclass
from typing import Any

FALLBACK_SAMPLER = "DPM++ 2M"
"""What the real server takes, with 200, for a sampler that it does not know."""

# name, alias, the scheduler that the sampler brings along
_SAMPLERS = (
    ("DPM++ 2M", "k_dpmpp_2m", "karras"),
    ("DPM++ SDE", "k_dpmpp_sde", "karras"),
    ("DPM++ 2M SDE", "k_dpmpp_2m_sde", "exponential"),
    ("DPM++ 2M SDE Heun", "k_dpmpp_2m_sde_heun", "exponential"),
    ("DPM++ 2S a", "k_dpmpp_2s_a", "karras"),
    ("DPM++ 3M SDE", "k_dpmpp_3m_sde", "exponential"),
    ("Euler a", "k_euler_a", None),
    ("Euler", "k_euler", None),
    ("LMS", "k_lms", None),
    ("Heun", "k_heun", None),
    ("DPM2", "k_dpm_2", "karras"),
    ("DPM2 a", "k_dpm_2_a", "karras"),
    ("DPM fast", "k_dpm_fast", None),
    ("DPM adaptive", "k_dpm_ad", None),
    ("Restart", "restart", "karras"),
    ("DDIM", "ddim", None),
    ("PLMS", "plms", None),
    ("UniPC", "unipc", None),
    ("LCM", "k_lcm", None),
)
_SCHEDULERS = (
    ("automatic", "Automatic", -1.0, False),
    ("uniform", "Uniform", -1.0, True),
    ("karras", "Karras", 7.0, False),
    ("exponential", "Exponential", -1.0, False),
    ("polyexponential", "Polyexponential", 1.0, False),
    ("sgm_uniform", "SGM Uniform", -1.0, True),
    ("simple", "Simple", -1.0, True),
    ("normal", "Normal", -1.0, True),
    ("ddim", "DDIM", -1.0, True),
    ("beta", "Beta", -1.0, True),
    ("turbo", "Turbo", -1.0, True),
)
# The recorded ones, and those that the guide names.
UPSCALERS = (
    "None",
    "Lanczos",
    "Nearest",
    "4x-UltraSharp",
    "DAT x4",
    "ESRGAN_4x",
    "LDSR",
    "R-ESRGAN 4x+",
    "R-ESRGAN 4x+ Anime6B",
    "ScuNET GAN",
    "ScuNET PSNR",
    "SwinIR 4x",
)
UPSCALER_ALIASES = {"ESRGAN_4X": "ESRGAN_4x"}
"""The guide's spelling, accepted but not listed."""

_ALWAYS_ON = (
    "extra options",
    "controlnet",
    "dynamicthresholding (cfg-fix) integrated",
    "freeu integrated (sd 1.x, sd 2.x, sdxl)",
    "kohya hrfix integrated",
    "never oom integrated",
    "refiner",
    "sampler",
    "seed",
)
SCRIPTS = {
    "txt2img": ["prompt matrix", "prompts from file or textbox", "x/y/z plot", *_ALWAYS_ON],
    "img2img": [
        "img2img alternative test",
        "loopback",
        "outpainting mk2",
        "prompt matrix",
        "prompts from file or textbox",
        "sd upscale",
        "x/y/z plot",
        *_ALWAYS_ON,
        "soft inpainting",
    ],
}


def samplers() -> list[dict[str, Any]]:
    """The list of GET /sdapi/v1/samplers."""
    return [
        {"name": name, "aliases": [alias], "options": {"scheduler": scheduler} if scheduler else {}}
        for name, alias, scheduler in _SAMPLERS
    ]


def schedulers() -> list[dict[str, Any]]:
    """The list of GET /sdapi/v1/schedulers."""
    return [
        {"name": name, "label": label, "aliases": None, "default_rho": rho, "need_inner_model": inner}
        for name, label, rho, inner in _SCHEDULERS
    ]


def upscalers() -> list[dict[str, Any]]:
    """The list of GET /sdapi/v1/upscalers."""
    return [
        {"name": name, "model_name": None, "model_path": None, "model_url": None, "scale": 4.0}
        for name in UPSCALERS
    ]


def find_sampler(name: str, scheduler: str | None) -> tuple[str, str]:
    """The sampler and schedule label that will be used: never an error, as recorded.

    Args:
        name: as the caller spells it, a name or an alias.
        scheduler: a scheduler's name or label, or None for the sampler's own.
    """
    by_name = {key.lower(): row for row in _SAMPLERS for key in row[:2]}
    known = by_name.get(name.lower()) or by_name[FALLBACK_SAMPLER.lower()]
    labels = {key.lower(): row[1] for row in _SCHEDULERS for key in row[:2]}
    wanted = labels.get((scheduler or "").lower(), "Automatic")
    if wanted == "Automatic" and known[2]:
        wanted = labels[known[2]]
    return known[0], wanted


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One model as GET /sdapi/v1/sd-models lists it; its hashes are made from its name."""

    filename: str

    @property
    def name(self) -> str:
        """The file name without its extension."""
        return self.filename.rsplit(".", 1)[0]

    @property
    def sha256(self) -> str:
        """Stands for the hash of a file that does not exist."""
        return hashlib.sha256(self.filename.encode()).hexdigest()

    @property
    def short_hash(self) -> str:
        """The ten characters in brackets of the title."""
        return self.sha256[:10]

    @property
    def title(self) -> str:
        """Name and hash, as the options spell a model."""
        return f"{self.filename} [{self.short_hash}]"

    def answers_to(self, wanted: str) -> bool:
        """Whether a caller who writes `wanted` means this model."""
        return wanted in {self.title, self.filename, self.name, self.short_hash, self.sha256}

    def as_json(self) -> dict[str, Any]:
        """The entry of GET /sdapi/v1/sd-models."""
        return {
            "title": self.title,
            "model_name": self.name,
            "hash": self.short_hash,
            "sha256": self.sha256,
            "filename": f"models/Stable-diffusion/{self.filename}",
            "config": None,
        }
