"""The options of /sdapi/v1/options, and the recorded leak of override_settings."""

from collections.abc import Mapping
from typing import Any

# A choice of the real server's 331 settings: those that change an answer, and those that agents set.
DEFAULTS: dict[str, Any] = {
    "samples_save": True,
    "samples_format": "png",
    "samples_filename_pattern": "",
    "save_images_add_number": True,
    "grid_save": True,
    "grid_format": "png",
    "enable_pnginfo": True,
    "jpeg_quality": 80.0,
    "webp_lossless": False,
    "face_restoration": False,
    "face_restoration_model": "CodeFormer",
    "api_enable_requests": True,
    "api_forbid_local_requests": True,
    "api_useragent": "",
    "sd_model_checkpoint": None,
    "sd_checkpoints_limit": 1.0,
    "sd_checkpoint_cache": 0,
    "sd_unet": "Automatic",
    "sd_vae": "Automatic",
    "emphasis": "Original",
    "CLIP_stop_at_last_layers": 1.0,
    "upcast_attn": False,
    "randn_source": "GPU",
    "tiling": False,
    "initial_noise_multiplier": 1.0,
    "img2img_color_correction": False,
    "img2img_fix_steps": False,
    "return_grid": True,
    "do_not_show_images": False,
    "eta_noise_seed_delta": 0,
    "s_min_uncond": 0.0,
    "token_merging_ratio": 0.0,
    "show_progress_every_n_steps": 10.0,
    "live_previews_enable": True,
    "interrupt_after_current": True,
}


class Options:
    """Defaults, and over them what was saved or leaked."""

    def __init__(self) -> None:
        self._saved: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        return self._saved.get(key, DEFAULTS[key])

    def as_json(self) -> dict[str, Any]:
        """All options with their present values."""
        return {**DEFAULTS, **self._saved}

    def set(self, values: Mapping[str, Any]) -> None:
        """Save values; a KeyError for an unknown option comes before any is changed."""
        for key in values:
            DEFAULTS[key]
        self._saved.update({key: self._coerce(key, value) for key, value in values.items()})

    def override(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Set for one job; unknown names are ignored.

        Returns:
            What `restore` needs. An option that was never saved is not in it: it stays changed for all later
            jobs (recording a08; the reason why agents must not use override_settings for such options).
        """
        known = {key: value for key, value in values.items() if key in DEFAULTS}
        before = {key: self._saved[key] for key in known if key in self._saved}
        self.set(known)
        return before

    def restore(self, before: Mapping[str, Any]) -> None:
        """Undo an override as far as the real server does."""
        self._saved.update(before)

    @staticmethod
    def _coerce(key: str, value: Any) -> Any:
        default = DEFAULTS[key]
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        return value
