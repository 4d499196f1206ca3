"""The silhouettes themselves, drawn in a square with coordinates 0..1."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from local.sketch.art.canvas import Array

type Point = tuple[float, float]
FINE = 3


class Stencil:
    """A square to draw a silhouette in, with coordinates 0..1, larger than it will be."""

    def __init__(self, pixels: int) -> None:
        self.size = max(8, pixels) * FINE
        self.image = Image.new("L", (self.size, self.size))
        self._draw = ImageDraw.Draw(self.image)

    def oval(self, x: float, y: float, rx: float, ry: float) -> None:
        """An ellipse around a point."""
        s = self.size
        self._draw.ellipse([(x - rx) * s, (y - ry) * s, (x + rx) * s, (y + ry) * s], fill=255)

    def area(self, *points: Point) -> None:
        """A polygon."""
        self._draw.polygon([(x * self.size, y * self.size) for x, y in points], fill=255)

    def limb(self, points: Sequence[Point], start: float, end: float) -> None:
        """A smooth line through points, of a thickness that goes from `start` to `end`."""
        length = sum(abs(a - c) + abs(b - d) for (a, b), (c, d) in pairwise(points))
        curve = smooth(points, max(14, int(length / len(points) / min(start, end) * 3)))
        for number, (x, y) in enumerate(curve):
            radius = (start + (end - start) * number / len(curve)) / 2
            self.oval(x, y, radius, radius)

    def soften(self, amount: float) -> None:
        """Round off joints and corners: blur, and make the edge sharp again."""
        blurred = self.image.filter(ImageFilter.GaussianBlur(amount * self.size))
        self.image = blurred.point([max(0, min(255, int((v - 128) * 5 + 128))) for v in range(256)])
        self._draw = ImageDraw.Draw(self.image)

    def mask(self, pixels: int) -> Array:
        """The silhouette at its real size."""
        return np.asarray(self.image.resize((pixels, pixels), Image.Resampling.BOX), np.float32) / 255


def smooth(points: Sequence[Point], steps: int = 14) -> list[Point]:
    """A Catmull-Rom curve through the points."""
    ends = [points[0], *points, points[-1]]
    curve: list[Point] = []
    for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        for number in range(steps):
            t = number / steps
            curve.append((_spline(a[0], b[0], c[0], d[0], t), _spline(a[1], b[1], c[1], d[1], t)))
    return [*curve, points[-1]]


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def cat(stencil: Stencil) -> None:
    """A cat that sits and looks at you."""
    stencil.oval(0.46, 0.70, 0.19, 0.25)
    stencil.oval(0.46, 0.83, 0.245, 0.145)
    stencil.oval(0.47, 0.46, 0.125, 0.16)
    stencil.oval(0.47, 0.285, 0.150, 0.122)
    stencil.area((0.335, 0.27), (0.325, 0.07), (0.455, 0.18))
    stencil.area((0.485, 0.18), (0.615, 0.07), (0.605, 0.27))
    stencil.limb([(0.62, 0.92), (0.78, 0.93), (0.88, 0.83), (0.86, 0.69), (0.79, 0.63)], 0.075, 0.05)
    stencil.area((0.27, 0.90), (0.65, 0.90), (0.63, 0.975), (0.29, 0.975))
    stencil.soften(0.011)


def dog(stencil: Stencil) -> None:
    """A dog that sits, seen from the side."""
    stencil.oval(0.37, 0.78, 0.20, 0.185)
    stencil.area((0.30, 0.66), (0.47, 0.43), (0.64, 0.46), (0.655, 0.72), (0.60, 0.92), (0.26, 0.93))
    stencil.oval(0.56, 0.56, 0.115, 0.17)
    stencil.limb([(0.60, 0.62), (0.605, 0.80), (0.61, 0.94)], 0.115, 0.075)
    stencil.limb([(0.52, 0.70), (0.525, 0.85), (0.53, 0.94)], 0.10, 0.07)
    stencil.oval(0.645, 0.948, 0.055, 0.027)
    stencil.oval(0.43, 0.945, 0.13, 0.032)
    stencil.limb([(0.52, 0.52), (0.55, 0.40), (0.575, 0.28)], 0.23, 0.17)
    stencil.oval(0.585, 0.235, 0.118, 0.105)
    stencil.limb([(0.63, 0.255), (0.71, 0.285), (0.785, 0.295)], 0.135, 0.085)
    stencil.oval(0.812, 0.272, 0.026, 0.022)
    stencil.limb([(0.525, 0.165), (0.465, 0.235), (0.452, 0.365)], 0.065, 0.095)
    stencil.limb([(0.22, 0.88), (0.10, 0.84), (0.045, 0.73), (0.05, 0.64)], 0.07, 0.035)
    stencil.soften(0.010)


def fox(stencil: Stencil) -> None:
    """A fox that sits, its brush beside it."""
    stencil.oval(0.44, 0.80, 0.155, 0.16)
    stencil.area((0.38, 0.66), (0.48, 0.44), (0.62, 0.46), (0.63, 0.74), (0.60, 0.93), (0.34, 0.93))
    stencil.limb([(0.59, 0.62), (0.60, 0.80), (0.605, 0.945)], 0.09, 0.055)
    stencil.oval(0.625, 0.952, 0.045, 0.02)
    stencil.limb([(0.53, 0.52), (0.56, 0.40), (0.58, 0.30)], 0.20, 0.15)
    stencil.oval(0.585, 0.26, 0.105, 0.09)
    stencil.limb([(0.63, 0.28), (0.71, 0.315), (0.785, 0.335)], 0.10, 0.035)
    stencil.area((0.495, 0.235), (0.475, 0.055), (0.575, 0.17))
    stencil.area((0.575, 0.185), (0.60, 0.05), (0.665, 0.205))
    stencil.limb([(0.40, 0.92), (0.24, 0.93), (0.12, 0.86), (0.10, 0.70), (0.17, 0.60)], 0.07, 0.05)
    stencil.limb([(0.27, 0.925), (0.14, 0.87), (0.105, 0.74)], 0.10, 0.125)
    stencil.soften(0.009)


def boat(stencil: Stencil) -> None:
    """A sailing boat."""
    stencil.area((0.16, 0.80), (0.86, 0.80), (0.76, 0.93), (0.26, 0.93))
    stencil.limb([(0.50, 0.80), (0.50, 0.06)], 0.018, 0.012)
    stencil.area((0.485, 0.09), (0.485, 0.75), (0.14, 0.75))
    stencil.area((0.52, 0.16), (0.52, 0.75), (0.84, 0.75), (0.70, 0.50))
    stencil.soften(0.004)


def castle(stencil: Stencil) -> None:
    """A castle on its rock."""
    stencil.area((0.02, 1.0), (0.14, 0.78), (0.30, 0.70), (0.72, 0.68), (0.88, 0.80), (0.99, 1.0))
    stencil.area((0.24, 0.46), (0.76, 0.46), (0.78, 0.75), (0.22, 0.75))
    for x, width, top, roof in ((0.26, 0.07, 0.34, 0.17), (0.44, 0.09, 0.26, 0.05), (0.62, 0.06, 0.38, 0.24)):
        stencil.area((x, top), (x + width, top), (x + width, 0.6), (x, 0.6))
        stencil.area((x - 0.02, top), (x + width + 0.02, top), (x + width / 2, roof))
    stencil.area((0.72, 0.42), (0.80, 0.42), (0.80, 0.7), (0.72, 0.7))
    for x in (0.30, 0.36, 0.55, 0.70, 0.74, 0.78):
        stencil.area((x, 0.40), (x + 0.025, 0.40), (x + 0.025, 0.47), (x, 0.47))


def house(stencil: Stencil) -> None:
    """A cottage with a chimney."""
    stencil.area((0.20, 0.58), (0.80, 0.58), (0.80, 0.95), (0.20, 0.95))
    stencil.area((0.12, 0.60), (0.50, 0.30), (0.88, 0.60))
    stencil.area((0.66, 0.28), (0.74, 0.28), (0.74, 0.52), (0.66, 0.52))


def tree(stencil: Stencil) -> None:
    """An old tree with a wide crown."""
    stencil.limb([(0.50, 0.98), (0.49, 0.75), (0.51, 0.5)], 0.11, 0.06)
    for side in (-1, 1):
        stencil.limb([(0.50, 0.72), (0.50 + side * 0.12, 0.56), (0.50 + side * 0.24, 0.44)], 0.05, 0.02)
    stencil.oval(0.5, 0.34, 0.27, 0.17)
    rng = np.random.default_rng(7)
    for angle in np.linspace(0, 2 * np.pi, 90, endpoint=False):
        far = rng.uniform(0.62, 1.0)
        x, y = 0.5 + 0.36 * far * np.cos(angle), 0.34 + 0.24 * far * np.sin(angle)
        stencil.oval(float(x), float(y), float(rng.uniform(0.03, 0.07)), float(rng.uniform(0.025, 0.055)))
    stencil.area((0.42, 0.985), (0.58, 0.985), (0.535, 0.9), (0.465, 0.9))


def balloon(stencil: Stencil) -> None:
    """A hot-air balloon."""
    stencil.oval(0.5, 0.36, 0.28, 0.30)
    stencil.area((0.27, 0.50), (0.73, 0.50), (0.56, 0.76), (0.44, 0.76))
    stencil.soften(0.02)
    stencil.area((0.445, 0.84), (0.555, 0.84), (0.54, 0.93), (0.46, 0.93))
    stencil.limb([(0.45, 0.75), (0.455, 0.85)], 0.008, 0.008)
    stencil.limb([(0.55, 0.75), (0.545, 0.85)], 0.008, 0.008)


def person(stencil: Stencil) -> None:
    """A wanderer in a coat, with a staff and a pointed hat."""
    stencil.oval(0.5, 0.27, 0.06, 0.07)
    stencil.area((0.38, 0.245), (0.62, 0.225), (0.545, 0.05), (0.51, 0.07))
    stencil.area((0.44, 0.33), (0.56, 0.33), (0.64, 0.97), (0.36, 0.97))
    stencil.limb([(0.55, 0.38), (0.64, 0.52), (0.70, 0.50)], 0.07, 0.04)
    stencil.limb([(0.45, 0.38), (0.40, 0.55), (0.43, 0.65)], 0.07, 0.05)
    stencil.limb([(0.71, 0.22), (0.715, 0.97)], 0.016, 0.018)
    stencil.soften(0.006)
