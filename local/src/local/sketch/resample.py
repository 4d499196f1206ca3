"""Upscaling that really resamples, told apart by the upscaler's name."""

from PIL import Image, ImageFilter

NEAREST = frozenset({"nearest", "nearest-exact"})
FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "area": Image.Resampling.BOX,
    "lanczos": Image.Resampling.LANCZOS,
}


def upscale(image: Image.Image, size: tuple[int, int], upscaler: str) -> Image.Image:
    """Resample to `size` (width, height).

    Nearest keeps hard pixels, Lanczos and the other plain filters are themselves, and anything else (the
    model-like ESRGAN, SwinIR ...) is Lanczos with its edges sharpened.
    """
    name = upscaler.lower()
    if name in NEAREST:
        return image.resize(size, Image.Resampling.NEAREST)
    if name in FILTERS:
        return image.resize(size, FILTERS[name])
    smooth = image.resize(size, Image.Resampling.LANCZOS)
    factor = max(1.0, size[0] / image.width)
    return smooth.filter(ImageFilter.UnsharpMask(radius=0.6 * factor, percent=130, threshold=2))


def cover(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Scale so that `size` is filled, and cut what sticks out equally on both sides."""
    factor = max(size[0] / image.width, size[1] / image.height)
    width, height = max(size[0], round(image.width * factor)), max(size[1], round(image.height * factor))
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    filled = image.resize((width, height), Image.Resampling.LANCZOS)
    return filled.crop((left, top, left + size[0], top + size[1]))
