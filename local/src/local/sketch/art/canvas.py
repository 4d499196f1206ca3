"""Arrays to paint on: colours 0..1, shape (3, height, width), so that masks (height, width) fit them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

type Array = NDArray[Any]  # float32 wherever it matters for speed
type Color = tuple[float, float, float]
type Window = tuple[slice, slice]
WHOLE: Window = (slice(None), slice(None))


def color(text: str) -> Color:
    """A colour from its `rrggbb` notation."""
    return int(text[0:2], 16) / 255, int(text[2:4], 16) / 255, int(text[4:6], 16) / 255


def mix(one: Color, other: Color, share: float) -> Color:
    """A colour between two; `share` of the second."""
    return tuple(a + (b - a) * share for a, b in zip(one, other, strict=True))  # type: ignore[return-value]


def planes(paint: Color | Array) -> Array:
    """A colour in the shape of the pixels; an array stays what it is."""
    values = np.asarray(paint, np.float32)
    return values[:, None, None] if values.ndim == 1 else values


def ramp(values: Array, low: float, high: float) -> Array:
    """0 below `low`, 1 above `high`, a soft step between (low may be above high: then it falls)."""
    t = (values - np.float32(low)).astype(np.float32)
    t *= np.float32(1.0 / (high - low))
    np.clip(t, 0.0, 1.0, out=t)
    return t * t * (3.0 - 2.0 * t)


@dataclass(eq=False)
class Canvas:
    """A picture under way, and the randomness that belongs to it."""

    width: int
    height: int
    rng: np.random.Generator

    def __post_init__(self) -> None:
        self.pixels: Array = np.zeros((3, self.height, self.width), np.float32)

    @property
    def unit(self) -> int:
        """The shorter side, the measure of all sizes."""
        return min(self.width, self.height)

    @cached_property
    def x(self) -> Array:
        """Columns 0..1 from left to right, shape (1, width)."""
        return np.linspace(0.0, 1.0, self.width, dtype=np.float32)[None, :]

    @cached_property
    def y(self) -> Array:
        """Rows 0..1 from top to bottom, shape (height, 1)."""
        return np.linspace(0.0, 1.0, self.height, dtype=np.float32)[:, None]

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.width / self.height

    def lay(self, paint: Color | Array, mask: Array | float = 1.0, window: Window = WHOLE) -> None:
        """Cover with a colour (or one for each pixel) where the mask says, 0..1.

        Args:
            paint: what to cover with.
            mask: how much, for all or for each pixel of the window.
            window: where the mask lies in the picture.
        """
        part, cover, shades = self._touched(paint, mask, window)
        for channel, shade in zip(part, shades, strict=True):
            np.add(channel, (shade - channel) * cover, out=channel)

    def shine(self, light: Color, mask: Array, window: Window = WHOLE) -> None:
        """Add light: brightens without ever burning out."""
        part, cover, shades = self._touched(light, mask, window)
        for channel, shade in zip(part, shades, strict=True):
            np.add(channel, (1.0 - channel) * (shade * cover), out=channel)

    def _touched(
        self, paint: Color | Array, mask: Array | float, window: Window
    ) -> tuple[Array, Array, Array]:
        """The rows that the mask touches, with mask and paint for them: sheets of land are half empty."""
        part = self.pixels[:, window[0], window[1]]
        cover, shades = np.asarray(mask, np.float32), np.asarray(paint, np.float32)
        if cover.ndim < 2 or cover.shape[0] != part.shape[1] or not cover.size:
            return part, cover, shades
        rows = np.flatnonzero(cover.max(axis=1) > 0)
        touched = slice(rows[0], rows[-1] + 1) if rows.size else slice(0, 0)
        shades = shades[:, touched] if shades.ndim > 2 and shades.shape[1] > 1 else shades
        return part[:, touched], cover[touched], shades

    def around(self, x: float, y: float, reach: float) -> Window:
        """The window of all pixels within `reach` (heights of the picture) of a point."""
        middle_x, middle_y, far = x * self.width, y * self.height, reach * self.height
        rows = slice(max(0, int(middle_y - far)), max(0, int(middle_y + far) + 2))
        return rows, slice(max(0, int(middle_x - far)), max(0, int(middle_x + far) + 2))

    def distance(self, x: float, y: float, window: Window = WHOLE) -> Array:
        """How far each pixel of the window is from a point, in heights of the picture."""
        across, down = self.x[:, window[1]] - np.float32(x), self.y[window[0]] - np.float32(y)
        return np.sqrt((across * np.float32(self.aspect)) ** 2 + down * down)

    def clouds(self, columns: float, rows: float, octaves: int = 4) -> Array:
        """Soft noise 0..1 with that many blobs across and down."""
        small_w, small_h = max(8, self.width // 4), max(8, self.height // 4)
        total = np.zeros((small_h, small_w), np.float32)
        weight = 1.0
        for octave in range(octaves):
            grid = self.rng.random((int(rows * 2**octave) + 3, int(columns * 2**octave) + 3), np.float32)
            total += weight * resize(grid, small_w, small_h)
            weight *= 0.5
        low, high = float(total.min()), float(total.max())
        return resize((total - low) / max(1e-6, high - low), self.width, self.height)

    def ridge(self, bumps: float, octaves: int = 5, roughness: float = 0.5) -> Array:
        """A jagged line: one value -1..1 for each column, shape (1, width)."""
        line = np.zeros((1, self.width), np.float32)
        weight = 1.0
        for octave in range(octaves):
            points = self.rng.random((1, int(bumps * 2**octave) + 3), np.float32) * 2 - 1
            line += weight * resize(np.repeat(points, 3, 0), self.width, 3)[1:2]
            weight *= roughness
        return (line / max(1e-6, float(np.abs(line).max()))).astype(np.float32)

    def below(self, edge: Array, softness: float = 1.5) -> Array:
        """A mask of what lies under a line of row positions (0..1), anti-aliased over `softness` pixels."""
        return np.clip((self.y - edge) * self.height / softness + 0.5, 0.0, 1.0).astype(np.float32)

    def finish(self) -> Image.Image:
        """Bloom, a darker rim, a trace of grain against banding."""
        small = to_image(self.pixels[:, ::2, ::2])
        glow = small.filter(ImageFilter.BoxBlur(self.unit / 90)).filter(ImageFilter.BoxBlur(self.unit / 90))
        light = to_array(glow.resize((self.width, self.height), Image.Resampling.BILINEAR))
        self.pixels += np.maximum(light - 0.55, 0.0) * 0.35 * (1.0 - self.pixels)
        rim = ramp(np.sqrt((self.x - 0.5) ** 2 + (self.y - 0.5) ** 2), 0.42, 0.85)
        self.pixels *= 1.0 - 0.28 * rim
        grain = self.rng.random((self.height, self.width), np.float32) - 0.5
        self.pixels += grain * np.float32(2.4 / 255)
        return to_image(self.pixels)


def resize(values: Array, width: int, height: int) -> Array:
    """Smoothly resampled."""
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), np.float32)


def to_image(pixels: Array) -> Image.Image:
    """Eight bits a channel."""
    eight = np.clip(pixels * 255 + 0.5, 0.0, 255.0).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(np.moveaxis(eight, 0, -1)))


def to_array(image: Image.Image) -> Array:
    """Colours 0..1 of a picture, shape (3, height, width)."""
    values = np.asarray(image.convert("RGB"), np.float32) / 255
    return np.ascontiguousarray(np.moveaxis(values, -1, 0))
