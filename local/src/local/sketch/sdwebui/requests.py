"""Request bodies of /sdapi/v1: fields, types and defaults as the recorded OpenAPI document has them."""

from typing import Any, Literal

from pydantic import BaseModel


class Generation(BaseModel):
    """What text-to-image and image-to-image have in common; unknown fields are ignored, as recorded."""

    prompt: str | None = ""
    negative_prompt: str | None = ""
    styles: list[str] | None = None
    seed: int | None = -1
    subseed: int | None = -1
    subseed_strength: float | None = 0
    seed_resize_from_h: int | None = -1
    seed_resize_from_w: int | None = -1
    sampler_name: str | None = None
    scheduler: str | None = None
    batch_size: int | None = 1
    n_iter: int | None = 1
    steps: int | None = 50
    cfg_scale: float | None = 7.0
    distilled_cfg_scale: float | None = 3.5
    width: int | None = 512
    height: int | None = 512
    restore_faces: bool | None = None
    tiling: bool | None = None
    do_not_save_samples: bool | None = False
    do_not_save_grid: bool | None = False
    eta: float | None = None
    denoising_strength: float | None = None
    s_min_uncond: float | None = None
    s_churn: float | None = None
    s_tmax: float | None = None
    s_tmin: float | None = None
    s_noise: float | None = None
    override_settings: dict[str, Any] | None = None
    override_settings_restore_afterwards: bool | None = True
    refiner_checkpoint: str | None = None
    refiner_switch_at: float | None = None
    disable_extra_networks: bool | None = False
    firstpass_image: str | None = None
    comments: dict[str, Any] | None = None
    force_task_id: str | None = None
    hr_distilled_cfg: float | None = 3.5
    sampler_index: str = "Euler"
    script_name: str | None = None
    script_args: list[Any] = []
    send_images: bool = True
    save_images: bool = False
    alwayson_scripts: dict[str, Any] = {}
    infotext: str | None = None


class TextToImage(Generation):
    """Body of POST /sdapi/v1/txt2img."""

    enable_hr: bool | None = False
    firstphase_width: int | None = 0
    firstphase_height: int | None = 0
    hr_scale: float | None = 2.0
    hr_upscaler: str | None = None
    hr_second_pass_steps: int | None = 0
    hr_resize_x: int | None = 0
    hr_resize_y: int | None = 0
    hr_checkpoint_name: str | None = None
    hr_additional_modules: list[Any] | None = None
    hr_sampler_name: str | None = None
    hr_scheduler: str | None = None
    hr_prompt: str | None = ""
    hr_negative_prompt: str | None = ""
    hr_cfg: float | None = 1.0


class ImageToImage(Generation):
    """Body of POST /sdapi/v1/img2img."""

    denoising_strength: float | None = 0.75
    init_images: list[Any] | None = None
    resize_mode: int | None = 0
    image_cfg_scale: float | None = None
    mask: str | None = None
    mask_blur_x: int | None = 4
    mask_blur_y: int | None = 4
    mask_blur: int | None = None
    mask_round: bool | None = True
    inpainting_fill: int | None = 0
    inpaint_full_res: bool | None = True
    inpaint_full_res_padding: int | None = 0
    inpainting_mask_invert: int | None = 0
    initial_noise_multiplier: float | None = None
    latent_mask: str | None = None
    include_init_images: bool = False


class Extras(BaseModel):
    """What the two upscaling requests have in common."""

    resize_mode: Literal[0, 1] = 0
    show_extras_results: bool = True
    gfpgan_visibility: float = 0
    codeformer_visibility: float = 0
    codeformer_weight: float = 0
    upscaling_resize: float = 2
    upscaling_resize_w: int = 512
    upscaling_resize_h: int = 512
    upscaling_crop: bool = True
    upscaler_1: str = "None"
    upscaler_2: str = "None"
    extras_upscaler_2_visibility: float = 0
    upscale_first: bool = False


class ExtrasSingle(Extras):
    """Body of POST /sdapi/v1/extra-single-image."""

    image: str = ""


class FileData(BaseModel):
    """One picture of a batch, as base64 with its name."""

    data: str
    name: str


class ExtrasBatch(Extras):
    """Body of POST /sdapi/v1/extra-batch-images."""

    imageList: list[FileData]  # noqa: N815 (the wire's name)


class PngInfo(BaseModel):
    """Body of POST /sdapi/v1/png-info."""

    image: str


class GenerationResponse(BaseModel):
    """Answer to both generations; `info` is JSON inside a string."""

    images: list[str] | None = None
    parameters: dict[str, Any]
    info: str


class ExtrasSingleResponse(BaseModel):
    """Answer to extra-single-image."""

    html_info: str
    image: str | None = None


class ExtrasBatchResponse(BaseModel):
    """Answer to extra-batch-images."""

    html_info: str
    images: list[str]


class ProgressResponse(BaseModel):
    """Answer to GET /sdapi/v1/progress; `progress` is 0..1, `eta_relative` seconds."""

    progress: float
    eta_relative: float
    state: dict[str, Any]
    current_image: str | None = None
    textinfo: str | None = None


class Flags(BaseModel):
    """The command-line flags; the recorded server's own answer breaks this rule (`port` is a number)."""

    port: str
    listen: bool
    api: bool
    nowebui: bool
