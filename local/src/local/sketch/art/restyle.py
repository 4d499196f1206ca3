"""Image-to-image: the given picture in other colours and with a painter's hand."""

import numpy as np
from PIL import Image, ImageFilter

from local.sketch.art.canvas import Array, Canvas, ramp, to_array, to_image
from local.sketch.art.scene import Scene

WEIGHTS = np.asarray((0.299, 0.587, 0.114), np.float32)


def restyle(
    canvas: Canvas, scene: Scene, fresh: Image.Image, base: Image.Image, denoise: float
) -> Image.Image:
    """Paint over a picture.

    Args:
        canvas: of the wanted size.
        scene: what the prompt asks for; its palette colours the result.
        fresh: what the prompt alone would have given.
        base: the given picture, already of the wanted size.
        denoise: 0 gives the picture back, 1 leaves its structure only.
    """
    strength = min(1.0, max(0.0, denoise))
    if strength == 0:
        return base.convert("RGB")
    given = to_array(base)
    brushed = to_array(_brush(base, canvas.unit, strength))
    light = np.tensordot(WEIGHTS, brushed, 1)
    toned = _tone(scene, light)
    share = 0.62 * strength
    mixed = brushed * (1 - share) + toned * share
    # The prompt's own picture shines through where the given one is smooth: skies and grounds, not faces.
    detail = np.abs(light - np.tensordot(WEIGHTS, to_array(_blur(base, canvas.unit / 30)), 1))
    smooth = ramp(detail, 0.16, 0.02) * 0.42 * strength**2
    mixed += (to_array(fresh) - mixed) * smooth
    strokes = canvas.clouds(40 * canvas.aspect, 14, 2) - 0.5
    mixed += strokes * 0.09 * strength
    edges = ramp(detail, 0.05, 0.25) * 0.5 * strength
    mixed *= 1.0 - edges * (light < 0.55) * 0.6
    keep = 0.25 * (1 - strength)
    canvas.pixels = (mixed * (1 - keep) + given * keep).astype(np.float32)
    return canvas.finish() if strength > 0.15 else to_image(canvas.pixels)


def _brush(base: Image.Image, unit: int, strength: float) -> Image.Image:
    """Fewer, larger patches of colour, as a brush leaves them."""
    patches = base.convert("RGB").filter(ImageFilter.MedianFilter(3))
    coarse = patches.reduce(2).filter(ImageFilter.MedianFilter(3)).resize(base.size, Image.Resampling.BICUBIC)
    mixed = Image.blend(patches, coarse, 0.75 * strength)
    return mixed.filter(ImageFilter.UnsharpMask(radius=unit / 160, percent=int(110 * strength), threshold=1))


def _blur(base: Image.Image, radius: float) -> Image.Image:
    return base.convert("RGB").filter(ImageFilter.BoxBlur(radius))


def _tone(scene: Scene, light: Array) -> Array:
    """The palette from its darkest to its lightest colour, by the brightness of the picture."""
    stops = np.asarray([scene.palette.near, *scene.palette.sky[1:], scene.palette.light], np.float32)
    order = np.argsort(stops @ WEIGHTS)
    levels = np.linspace(0.0, 1.0, len(stops))
    parts = [np.interp(light, levels, stops[order][:, channel]) for channel in range(3)]
    return np.stack(parts).astype(np.float32)
