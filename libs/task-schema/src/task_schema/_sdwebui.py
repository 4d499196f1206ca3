"""The bodies of SD Web UI's requests, as far as the validator is certain of them.

Fields and types are those of the server's own `openapi.json` (A1111-compatible, `/sdapi/v1`), with the
same lax conversions ("20" is an integer there too); fields of extensions pass untouched. On top comes
what can never work: sizes and counts that are not positive, a missing picture.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(gt=0)]


class SdWebUiContent(BaseModel):
    """Base of all bodies: what is not named here is an extension's."""

    model_config = ConfigDict(extra="allow", defer_build=True)


class _Processing(SdWebUiContent):
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
    batch_size: Positive | None = 1
    n_iter: Positive | None = 1
    steps: Positive | None = 50
    cfg_scale: float | None = 7.0
    width: Positive | None = 512
    height: Positive | None = 512
    restore_faces: bool | None = None
    tiling: bool | None = None
    eta: float | None = None
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
    comments: dict[str, Any] | None = None
    force_task_id: str | None = None
    sampler_index: str = "Euler"
    script_name: str | None = None
    script_args: list[Any] = Field(default_factory=list)
    send_images: bool = True
    save_images: bool = False
    alwayson_scripts: dict[str, Any] = Field(default_factory=dict)


class TextToImageContent(_Processing):
    """Body of `POST /sdapi/v1/txt2img`."""

    denoising_strength: float | None = None
    enable_hr: bool | None = False
    firstphase_width: int | None = 0
    firstphase_height: int | None = 0
    hr_scale: float | None = 2.0
    hr_upscaler: str | None = None
    hr_second_pass_steps: int | None = 0
    hr_resize_x: int | None = 0
    hr_resize_y: int | None = 0
    hr_checkpoint_name: str | None = None
    hr_sampler_name: str | None = None
    hr_scheduler: str | None = None
    hr_prompt: str | None = ""
    hr_negative_prompt: str | None = ""


class ImageToImageContent(_Processing):
    """Body of `POST /sdapi/v1/img2img`; pictures are base64 or links."""

    init_images: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    denoising_strength: float = 0.75
    resize_mode: int | None = 0
    image_cfg_scale: float | None = None
    mask: str | None = None
    mask_blur_x: int | None = 4
    mask_blur_y: int | None = 4
    mask_blur: int | None = None
    inpainting_fill: int | None = 0
    inpaint_full_res: bool | None = True
    inpaint_full_res_padding: int | None = 0
    inpainting_mask_invert: int | None = 0
    initial_noise_multiplier: float | None = None
    latent_mask: str | None = None
    include_init_images: bool = False


class _Extras(SdWebUiContent):
    resize_mode: Literal[0, 1] = 0
    show_extras_results: bool = True
    gfpgan_visibility: Annotated[float, Field(ge=0, le=1)] = 0
    codeformer_visibility: Annotated[float, Field(ge=0, le=1)] = 0
    codeformer_weight: Annotated[float, Field(ge=0, le=1)] = 0
    upscaling_resize: Annotated[float, Field(gt=0)] = 2
    upscaling_resize_w: Positive = 512
    upscaling_resize_h: Positive = 512
    upscaling_crop: bool = True
    upscaler_1: str = "None"
    upscaler_2: str = "None"
    extras_upscaler_2_visibility: Annotated[float, Field(ge=0, le=1)] = 0
    upscale_first: bool = False


class ExtraSingleImageContent(_Extras):
    """Body of `POST /sdapi/v1/extra-single-image`; the picture is base64 or a link."""

    image: Annotated[str, Field(min_length=1)]


class FileData(BaseModel):
    """One picture of a batch: base64 or a link, and a name."""

    data: Annotated[str, Field(min_length=1)]
    name: str


class ExtraBatchImagesContent(_Extras):
    """Body of `POST /sdapi/v1/extra-batch-images`."""

    imageList: Annotated[list[FileData], Field(min_length=1)]  # noqa: N815 - the runtime's own name
