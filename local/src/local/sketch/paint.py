"""Painting: a pleasant picture from prompt and seed, without any model."""

import hashlib
from dataclasses import replace

import numpy as np
from PIL import Image

from local.sketch.art.abstract import ABSTRACTS
from local.sketch.art.canvas import Canvas
from local.sketch.art.figures import FIGURES, HATS, birds, stand
from local.sketch.art.land import HORIZON, PLACES, hills
from local.sketch.art.lighthouse import paint_lighthouse
from local.sketch.art.restyle import restyle
from local.sketch.art.scene import Scene, read_scene
from local.sketch.art.sky import paint_sky
from local.sketch.resample import cover

LARGEST = 768
"""Larger pictures are painted with this shorter side and enlarged: nobody waits longer for a sketch."""
ENOUGH_STEPS = 8
"""With fewer steps some noise stays, as users of the real thing know it."""


def paint(  # noqa: PLR0917 (the words of every txt2img)
    prompt: str,
    negative: str,
    seed: int,
    width: int,
    height: int,
    steps: int,
    base: Image.Image | None = None,
    denoise: float = 1.0,
) -> Image.Image:
    """Paint a picture.

    The same arguments give the same pixels.

    Args:
        prompt: its words choose light, place and figures; what they leave open is hashed from them.
        negative: words that the prompt's are not taken for.
        seed: varies everything else.
        width: pixels.
        height: pixels.
        steps: below 8 the picture is grainy.
        base: a picture to start from; its structure and colours stay recognisable.
        denoise: how much of `base` is painted over, 0..1; 0 gives it back.

    Returns:
        An RGB picture of width x height.
    """
    size = _working_size(width, height)
    canvas = Canvas(*size, np.random.default_rng(_entropy(prompt, negative, seed)))
    scene = read_scene(prompt, negative, seed)
    # Over a given picture the prompt brings light, colours and ground; its figures would be ghosts in there.
    _compose(canvas, scene if base is None else replace(scene, figures=()))
    image = canvas.finish()
    if base is not None:
        image = restyle(canvas, scene, image, cover(base.convert("RGB"), size), denoise)
    if steps < ENOUGH_STEPS and not (base is not None and denoise == 0):
        image = _grainy(canvas, image, steps)
    return image if size == (width, height) else image.resize((width, height), Image.Resampling.LANCZOS)


def _working_size(width: int, height: int) -> tuple[int, int]:
    factor = min(1.0, LARGEST / min(width, height))
    return max(8, round(width * factor)), max(8, round(height * factor))


def _entropy(prompt: str, negative: str, seed: int) -> int:
    digest = hashlib.sha256(f"{seed}\x00{prompt}\x00{negative}".encode()).digest()
    return int.from_bytes(digest[:16], "big")


def _compose(canvas: Canvas, scene: Scene) -> None:
    if scene.place in ABSTRACTS:
        ABSTRACTS[scene.place](canvas, scene)
        return
    paint_sky(canvas, scene, HORIZON)
    PLACES[scene.place](canvas, scene)
    _populate(canvas, scene)


def _populate(canvas: Canvas, scene: Scene) -> None:
    aside = 0.7 if scene.sun_x < 0.5 else 0.3
    lighthouse = "lighthouse" in scene.figures
    if lighthouse:
        paint_lighthouse(canvas, scene, aside, 0.74 if scene.place == "sea" else 0.8)
    wizard = "wizard" in scene.figures
    names = [name for name in scene.figures if name in FIGURES]
    if wizard and not any(name in HATS for name in names):
        names.append("person")
    for number, name in enumerate(names):
        opposite = 1.0 - aside
        stand(
            canvas,
            scene,
            name,
            opposite if lighthouse or number % 2 else aside - (aside - 0.5) * 0.35,
            hat=wizard,
        )
        if name == "castle":
            hills(canvas, scene, 0.79, 3, bumps=2.6, height=0.045)
    if "birds" in scene.figures or lighthouse:
        birds(canvas, scene)


def _grainy(canvas: Canvas, image: Image.Image, steps: int) -> Image.Image:
    left = 1.0 - max(0, steps) / ENOUGH_STEPS
    noise = canvas.rng.normal(0, 60 * left, (image.height, image.width, 3))
    return Image.fromarray(np.clip(np.asarray(image, np.float32) + noise, 0, 255).astype(np.uint8))
