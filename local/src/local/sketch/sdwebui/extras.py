"""Upscaling: extra-single-image and extra-batch-images."""

import asyncio

from PIL import Image

from local.sketch.faults import Fault
from local.sketch.gpu import Gpu
from local.sketch.picture import encode
from local.sketch.resample import cover, upscale
from local.sketch.sdwebui.catalogue import UPSCALER_ALIASES, UPSCALERS
from local.sketch.sdwebui.engine import Engine
from local.sketch.sdwebui.requests import Extras

STEPS = 4
MOST_PIXELS = 120_000_000


def postprocess(request: Extras, image: Image.Image) -> tuple[Image.Image, str]:
    """Upscale one picture.

    Returns:
        The picture and what was done, as the recorded `html_info` says it.

    Raises:
        AssertionError: unknown upscaler, answered as 500.
    """
    first = known_upscaler(request.upscaler_1)
    second = known_upscaler(request.upscaler_2)
    image = image.convert("RGB")
    if first == "None":
        return image, "<p></p>"
    size = target_size(request, image)
    done = _enlarge(request, image, size, first)
    steps = [_says_size(request)]
    if request.resize_mode == 1 and request.upscaling_crop:
        steps.append(f"Postprocess crop to: {size[0]}x{size[1]}")
    steps.append(f"Postprocess upscaler: {first}")
    if second != "None" and request.extras_upscaler_2_visibility > 0:
        other = _enlarge(request, image, size, second)
        done = Image.blend(done, other, min(1.0, request.extras_upscaler_2_visibility))
        steps.append(f"Postprocess upscaler 2: {second}")
    return done, f"<p>{', '.join(steps)}</p>"


def known_upscaler(name: str) -> str:
    """The upscaler's own name; raises AssertionError as the real server does."""
    found = UPSCALER_ALIASES.get(name, name)
    if found not in UPSCALERS:
        raise AssertionError(f"could not find upscaler named {name}")
    return found


def target_size(request: Extras, image: Image.Image) -> tuple[int, int]:
    """Width and height of the result; raises RuntimeError where no memory would be enough."""
    if request.resize_mode == 1:
        size = (request.upscaling_resize_w, request.upscaling_resize_h)
        if not request.upscaling_crop:
            factor = max(size[0] / image.width, size[1] / image.height)
            size = (round(image.width * factor), round(image.height * factor))
    else:
        size = (int(image.width * request.upscaling_resize), int(image.height * request.upscaling_resize))
    if size[0] * size[1] > MOST_PIXELS:
        raise RuntimeError(f"a picture of {size[0]}x{size[1]} does not fit into memory")
    return max(1, size[0]), max(1, size[1])


def _enlarge(request: Extras, image: Image.Image, size: tuple[int, int], name: str) -> Image.Image:
    if request.resize_mode == 1 and request.upscaling_crop:
        factor = max(size[0] / image.width, size[1] / image.height)
        filled = upscale(image, (round(image.width * factor), round(image.height * factor)), name)
        return cover(filled, size)
    return upscale(image, size, name)


def _says_size(request: Extras) -> str:
    if request.resize_mode == 1:
        return f"Postprocess upscale to: {request.upscaling_resize_w}x{request.upscaling_resize_h}"
    return f"Postprocess upscale by: {float(request.upscaling_resize)}"


async def upscale_all(
    engine: Engine,
    request: Extras,
    images: list[Image.Image],
    traceparent: str | None,
    fault: Fault | None,
) -> tuple[list[bytes], str]:
    """Run an upscaling job under the engine's lock.

    Returns:
        The encoded pictures, and the last one's `html_info`.
    """
    done: list[Image.Image] = []
    says = ""
    gpu = engine.gpu
    async with gpu.job("extras", "extras", traceparent) as record:
        progress = engine.progress
        progress.begin("extras", len(images))
        try:
            for image in images:
                result, says = await asyncio.to_thread(postprocess, request, image)
                await _spend(engine, gpu, fault)
                done.append(result)
                progress.job_no += 1
                if progress.interrupted:
                    record.finish("interrupted")
                    break
        finally:
            progress.end()
    extension = engine.options["samples_format"]
    return await asyncio.to_thread(lambda: [encode(each, extension, "") for each in done]), says


async def _spend(engine: Engine, gpu: Gpu, fault: Fault | None) -> None:
    await gpu.sample(
        STEPS,
        engine.settings.seconds_per_image,
        stop=lambda: engine.progress.interrupted,
        step=lambda _: None,
        fault=fault,
        on_fault=engine.strike,
    )
