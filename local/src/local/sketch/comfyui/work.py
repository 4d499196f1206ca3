"""What the nodes do."""

import asyncio
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

from PIL import Image, ImageOps

from local.sketch.comfyui.files import SavedFile
from local.sketch.comfyui.nodes import Context, Latent, Outcome, order_of
from local.sketch.errors import BadImageError, NodeFailedError
from local.sketch.picture import animated_png, animated_webp, decode, png
from local.sketch.resample import cover, upscale

PREVIEW_LETTERS = "abcdefghijklmnopqrstupvxyz"


async def load_checkpoint(context: Context, ckpt_name: str) -> Outcome:
    """CheckpointLoaderSimple: a model's name stands for the model."""
    if context.load is not None:
        await context.load(ckpt_name)
    return Outcome((ckpt_name, ckpt_name, ckpt_name))


async def encode_text(_: Context, text: str, clip: str) -> Outcome:
    """CLIPTextEncode: the conditioning is the text."""
    del clip
    return Outcome((text,))


async def empty_latent(_: Context, width: int, height: int, batch_size: int) -> Outcome:
    """EmptyLatentImage."""
    return Outcome((Latent(width // 8 * 8, height // 8 * 8, batch_size),))


async def ksampler(  # noqa: PLR0917 (the node's own inputs)
    context: Context,
    model: str,
    seed: int,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    positive: str,
    negative: str,
    latent_image: Latent,
    denoise: float,
) -> Outcome:
    """KSampler: paints, and takes its time step by step."""
    del model, cfg, sampler_name, scheduler
    orders = [
        order_of(
            latent_image,
            index,
            prompt=positive,
            negative=negative,
            seed=seed,
            steps=steps,
            denoise=denoise,
        )
        for index in range(latent_image.count)
    ]
    painted = await asyncio.gather(*(context.studio.paint(order) for order in orders))
    if context.sample is not None:
        await context.sample(steps, painted)
    return Outcome((Latent(latent_image.width, latent_image.height, latent_image.count, tuple(painted)),))


async def decode_latent(_: Context, samples: Latent, vae: str) -> Outcome:
    """VAEDecode: the pictures, or the grey of an empty latent."""
    del vae
    grey = Image.new("RGB", (samples.width, samples.height), (128, 122, 118))
    return Outcome((list(samples.pictures) or [grey] * samples.count,))


async def encode_latent(_: Context, pixels: list[Image.Image], vae: str) -> Outcome:
    """VAEEncode: cuts to whole multiples of 8 pixels."""
    del vae
    width, height = pixels[0].width // 8 * 8, pixels[0].height // 8 * 8
    cut = tuple(each.convert("RGB").crop((0, 0, width, height)) for each in pixels)
    return Outcome((Latent(width, height, len(cut), cut),))


async def load_image(context: Context, image: str) -> Outcome:
    """LoadImage: picture and mask."""
    path = context.files.find_input(image)
    try:
        if path is None:
            raise FileNotFoundError(image)
        picture = await asyncio.to_thread(lambda: decode(path.read_bytes()))
    except (OSError, BadImageError) as error:
        raise NodeFailedError("OSError", "Truncated File Read\n") from error
    upright = ImageOps.exif_transpose(picture)
    mask = upright.getchannel("A") if "A" in upright.getbands() else Image.new("L", (64, 64))
    return Outcome(([upright.convert("RGB")], mask))


def check_image(context: Context, inputs: Mapping[str, Any]) -> str | None:
    """LoadImage refuses a file that is not there, before the run."""
    image = str(inputs["image"])
    return None if context.files.find_input(image) else f"image - Invalid image file: {image}"


def image_fingerprint(context: Context, inputs: Mapping[str, Any]) -> str:
    """LoadImage runs again if the file's bytes have changed."""
    path = context.files.find_input(str(inputs.get("image")))
    return hashlib.sha256(path.read_bytes()).hexdigest() if path else ""


async def empty_image(_: Context, width: int, height: int, batch_size: int, color: int) -> Outcome:
    """EmptyImage."""
    rgb = (color >> 16 & 255, color >> 8 & 255, color & 255)
    return Outcome(([Image.new("RGB", (width, height), rgb)] * batch_size,))


async def invert(_: Context, image: list[Image.Image]) -> Outcome:
    """ImageInvert."""
    return Outcome(([ImageOps.invert(each) for each in image],))


async def scale(
    _: Context, image: list[Image.Image], upscale_method: str, width: int, height: int, crop: str
) -> Outcome:
    """ImageScale; a side of 0 keeps the proportions."""
    first = image[0]
    size = (
        width or max(1, round(first.width * height / first.height)) if width or height else first.width,
        height or max(1, round(first.height * width / first.width)) if width or height else first.height,
    )
    cut = [cover(each, size) if crop == "center" else each for each in image]
    return Outcome((await asyncio.to_thread(lambda: [upscale(each, size, upscale_method) for each in cut]),))


async def scale_by(_: Context, image: list[Image.Image], upscale_method: str, scale_by: float) -> Outcome:
    """ImageScaleBy."""
    size = (max(1, round(image[0].width * scale_by)), max(1, round(image[0].height * scale_by)))
    return Outcome(
        (await asyncio.to_thread(lambda: [upscale(each, size, upscale_method) for each in image]),)
    )


async def save_image(context: Context, images: list[Image.Image], filename_prefix: str) -> Outcome:
    """SaveImage: PNG files with prompt and workflow inside."""
    names = context.files.next_names(filename_prefix, "png", len(images), images[0].size)
    await asyncio.to_thread(_write_pngs, context, names, images)
    return _files(names)


async def preview_image(context: Context, images: list[Image.Image]) -> Outcome:
    """PreviewImage: the same into the temp folder, under a name of its own."""
    letters = "".join(secrets.choice(PREVIEW_LETTERS) for _ in range(5))
    prefix = f"ComfyUI_temp_{letters}"
    names = context.files.next_names(prefix, "png", len(images), images[0].size, folder="temp")
    await asyncio.to_thread(_write_pngs, context, names, images)
    return _files(names)


async def save_animated_webp(  # noqa: PLR0917 (the node's own inputs)
    context: Context,
    images: list[Image.Image],
    filename_prefix: str,
    fps: float,
    lossless: bool,
    quality: int,
    method: str,
) -> Outcome:
    """SaveAnimatedWEBP."""
    del method
    names = context.files.next_names(filename_prefix, "webp", 1, images[0].size)
    data = await asyncio.to_thread(animated_webp, images, fps=fps, lossless=lossless, quality=quality)
    context.files.write(names[0], data)
    return _files(names, animated=len(images) > 1)


async def save_animated_png(
    context: Context, images: list[Image.Image], filename_prefix: str, fps: float, compress_level: int
) -> Outcome:
    """SaveAnimatedPNG."""
    del compress_level
    names = context.files.next_names(filename_prefix, "png", 1, images[0].size)
    context.files.write(names[0], await asyncio.to_thread(animated_png, images, fps=fps))
    return _files(names, animated=True)


async def preview_any(_: Context, source: Any) -> Outcome:
    """PreviewAny: shows its input as text; history has a list of strings, no file."""
    said = source if isinstance(source, str) else json.dumps(source, default=str)
    return Outcome((), {"text": [said]})


def _write_pngs(context: Context, names: list[SavedFile], images: list[Image.Image]) -> None:
    if context.prepared is not None:
        for name in names:
            context.files.write(name, context.prepared.data)
        return
    texts = {"prompt": json.dumps(context.prompt)}
    texts |= {key: json.dumps(value) for key, value in context.pnginfo.items()}
    for name, image in zip(names, images, strict=True):
        context.files.write(name, png(image, texts))


def _files(names: list[SavedFile], *, animated: bool | None = None) -> Outcome:
    ui: dict[str, Any] = {"images": [name.as_json() for name in names]}
    if animated is not None:
        ui["animated"] = [animated]
    return Outcome((), ui)
