"""Figures in the picture: silhouettes with light on their edge, and their details."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from local.sketch.art.canvas import Array, Canvas, Color, color, mix, ramp
from local.sketch.art.scene import Scene
from local.sketch.art.shapes import (
    FINE,
    Stencil,
    balloon,
    boat,
    castle,
    cat,
    dog,
    fox,
    house,
    person,
    smooth,
    tree,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A silhouette, how large it stands (in heights of the picture), and where its foot is (row 0..1)."""

    draw: Callable[[Stencil], None]
    size: float
    foot: float
    coat: str | None = None
    foot_at_sea: float = 0.7


FIGURES = {
    "cat": Figure(cat, 0.52, 0.955),
    "dog": Figure(dog, 0.56, 0.955),
    "fox": Figure(fox, 0.50, 0.955, "b4521f"),
    "boat": Figure(boat, 0.34, 0.93, foot_at_sea=0.70),
    "castle": Figure(castle, 0.5, 0.86),
    "house": Figure(house, 0.26, 0.83),
    "tree": Figure(tree, 0.62, 0.95),
    "balloon": Figure(balloon, 0.30, 0.42),
    "person": Figure(person, 0.46, 0.96),
}


def stand(canvas: Canvas, scene: Scene, name: str, x: float, *, hat: bool = False) -> None:
    """Put a figure into the picture, its middle at the column `x` (0..1), with a wizard's hat if wanted."""
    figure = FIGURES[name]
    side = int(figure.size * canvas.unit)
    foot = figure.foot_at_sea if scene.place == "sea" and name == "boat" else figure.foot
    box = Box(canvas, int(x * canvas.width - side / 2), int(foot * canvas.height - side * 0.97), side)
    stencil = Stencil(side)
    figure.draw(stencil)
    mask = box.cut(stencil.mask(side))
    dark = mix(scene.palette.near, (0, 0, 0), 0.35)
    if name in STANDING:
        _shadow(canvas, x, foot, side)
    if name == "boat":
        _reflect(box, dark, mask)
    canvas.lay(mix(color(figure.coat), dark, 0.45) if figure.coat else dark, mask, box.window)
    _edge_light(scene, box, mask, x)
    if name in DETAILS:
        DETAILS[name](scene, box, mask)
    if hat and name in HATS:
        # A hat is higher than its wearer's square: it gets a square of its own, a third further up.
        x, y, size, lean = HATS[name]
        above = Box(canvas, box.left, box.top - side // 3, side)
        _hat(scene, above, (x, y + 1 / 3, size, lean))


class Box:
    """The square of a figure in the picture, as far as it lies inside."""

    def __init__(self, canvas: Canvas, left: int, top: int, side: int) -> None:
        self.canvas = canvas
        self.left, self.top, self.side = left, top, side
        x0, x1 = max(0, left), max(0, min(canvas.width, left + side))
        y0, y1 = max(0, top), max(0, min(canvas.height, top + side))
        self.window = (slice(y0, y1), slice(x0, x1))
        self.u = ((np.arange(x0, x1, dtype=np.float32) - left) / side)[None, :]
        self.v = ((np.arange(y0, y1, dtype=np.float32) - top) / side)[:, None]

    def cut(self, mask: Array) -> Array:
        """The part of a whole mask of this square that lies in the picture."""
        rows, columns = self.window
        return mask[
            rows.start - self.top : rows.stop - self.top, columns.start - self.left : columns.stop - self.left
        ]

    def spot(self, x: float, y: float, rx: float, ry: float) -> Array:
        """A soft ellipse, in the figure's own coordinates 0..1."""
        return ramp(np.sqrt(((self.u - x) / rx) ** 2 + ((self.v - y) / ry) ** 2), 1.15, 0.85)

    def dot(  # noqa: PLR0917 (position, size, paint)
        self, x: float, y: float, rx: float, ry: float, paint: Color, within: Array | float = 1.0
    ) -> None:
        """Paint a spot."""
        self.canvas.lay(paint, self.spot(x, y, rx, ry) * within, self.window)

    def drawn(self, draw: Callable[[Stencil], None]) -> Array:
        """A mask from more drawing in the same square."""
        stencil = Stencil(self.side)
        draw(stencil)
        return self.cut(stencil.mask(self.side))


def _shadow(canvas: Canvas, x: float, foot: float, side: int) -> None:
    wide = side / canvas.height
    window = canvas.around(x, foot, wide * 0.55)
    across, down = canvas.x[:, window[1]] - x, canvas.y[window[0]] - foot
    spot = np.sqrt((across * canvas.aspect / (wide * 0.5)) ** 2 + (down / (wide * 0.05)) ** 2)
    canvas.lay((0.0, 0.0, 0.0), ramp(spot.astype(np.float32), 1.0, 0.2) * 0.4, window)


def _reflect(box: Box, paint: Color, mask: Array) -> None:
    water = int(box.top + box.side * 0.93)
    rows = min(mask.shape[0], box.canvas.height - water)
    if rows < 1:
        return
    mirrored = mask[::-1][:rows] * np.linspace(0.5, 0.0, rows, dtype=np.float32)[:, None]
    waves = 0.55 + 0.45 * np.sin(np.arange(rows, dtype=np.float32) / box.side * 160)[:, None]
    box.canvas.lay(paint, mirrored * waves, (slice(water, water + rows), box.window[1]))


def _edge_light(scene: Scene, box: Box, mask: Array, x: float) -> None:
    """Light from the sun's side along the silhouette."""
    reach = max(1, box.canvas.unit // 150)
    sideways = reach if scene.sun_x < x else -reach
    rim = np.clip(mask - np.roll(mask, (reach, sideways), axis=(0, 1)), 0.0, 1.0) * mask
    box.canvas.lay(mix(scene.palette.light, scene.palette.sky[-1], 0.35), rim * 0.7, box.window)


def _hat(scene: Scene, box: Box, where: tuple[float, float, float, float]) -> None:
    x, y, size, lean = where
    tip = (x + lean * size, y - 0.98 * size)

    def cone(stencil: Stencil) -> None:
        stencil.area(
            (x - 0.34 * size, y),
            (x - 0.05 * size + lean * 0.4 * size, y - 0.6 * size),
            tip,
            (x + 0.34 * size, y),
        )
        stencil.oval(x, y, 0.62 * size, 0.09 * size)
        stencil.soften(0.006)

    mask = box.drawn(cone)
    cloth = mix(color("4b3a9c"), scene.palette.near, 0.25)
    box.canvas.lay(cloth, mask, box.window)
    band = ramp(np.abs(box.v - (y - 0.12 * size)), 0.055 * size, 0.045 * size)
    box.canvas.lay(mix(scene.palette.accent, color("f4d35e"), 0.5), mask * band, box.window)
    for dx, dy, r in ((-0.10, 0.30, 0.035), (0.08, 0.42, 0.028), (0.02, 0.62, 0.022)):
        box.dot(x + dx * size, y - dy * size, r * size, r * size, color("ffe9a8"), mask)
    rim = np.clip(mask - np.roll(mask, (2, 2), axis=(0, 1)), 0.0, 1.0)
    box.canvas.lay(scene.palette.light, rim * mask * 0.5, box.window)


def _cat_face(_: Scene, box: Box, mask: Array) -> None:
    for x in (0.41, 0.53):
        box.dot(x, 0.28, 0.028, 0.024, color("f4d35e"), mask)
        box.dot(x, 0.28, 0.008, 0.022, (0.02, 0.02, 0.03), mask)
    box.dot(0.47, 0.325, 0.013, 0.009, color("d98a8a"), 0.8)


def _dog_face(scene: Scene, box: Box, mask: Array) -> None:
    box.dot(0.622, 0.222, 0.010, 0.011, mix(scene.palette.light, (1, 1, 1), 0.5), 0.9)
    collar = box.drawn(
        lambda stencil: stencil.limb([(0.44, 0.375), (0.55, 0.40), (0.70, 0.44)], 0.045, 0.045)
    )
    box.canvas.lay(scene.palette.accent, collar * mask, box.window)
    box.dot(0.645, 0.462, 0.019, 0.021, color("f2c14e"))


def _fox_face(scene: Scene, box: Box, mask: Array) -> None:
    box.dot(0.622, 0.245, 0.011, 0.010, mix(scene.palette.light, (1, 1, 1), 0.4), 0.9)
    box.dot(0.79, 0.335, 0.022, 0.02, (0.05, 0.04, 0.05), mask)
    cream = color("f0dfcc")
    box.dot(0.165, 0.595, 0.085, 0.055, cream, mask * 0.85)
    box.dot(0.665, 0.335, 0.09, 0.035, cream, mask * 0.6)
    box.dot(0.62, 0.52, 0.05, 0.14, cream, mask * 0.5)
    box.dot(0.605, 0.93, 0.06, 0.09, (0.1, 0.06, 0.06), mask * 0.7)


def _lit_windows(spots: Sequence[tuple[float, float, float, float]]) -> Callable[[Scene, Box, Array], None]:
    def light(_: Scene, box: Box, mask: Array) -> None:
        for spot in spots:
            box.dot(*spot, color("ffcf6b"), mask)

    return light


def _staff_light(scene: Scene, box: Box, _: Array) -> None:
    canvas = box.canvas
    x, y = (box.left + 0.71 * box.side) / canvas.width, (box.top + 0.20 * box.side) / canvas.height
    wide = canvas.around(x, y, 0.3)
    glow = np.exp(-canvas.distance(x, y, wide) / 0.06).astype(np.float32)
    canvas.shine(mix(scene.palette.accent, (1, 1, 1), 0.4), glow * 0.9, wide)


def _sails(scene: Scene, box: Box, mask: Array) -> None:
    cloth = mix(scene.palette.light, (1, 1, 1), 0.3)
    shade = ramp(np.broadcast_to(box.u, mask.shape), 0.2, 0.62) * ramp(box.u, 0.9, 0.5)
    above = ramp(box.v, 0.77, 0.755)
    box.canvas.lay(cloth, mask * above * 0.92, box.window)
    box.canvas.lay(scene.palette.far, mask * above * shade * 0.35, box.window)
    stripe = ramp(np.abs(box.v - 0.83), 0.016, 0.010)
    box.canvas.lay(scene.palette.accent, mask * stripe * 0.9, box.window)


def _stripes(scene: Scene, box: Box, _: Array) -> None:
    def envelope(stencil: Stencil) -> None:
        stencil.oval(0.5, 0.36, 0.28, 0.30)
        stencil.area((0.27, 0.50), (0.73, 0.50), (0.56, 0.76), (0.44, 0.76))
        stencil.soften(0.02)

    mask = box.drawn(envelope)
    u = (box.u - 0.5) / 0.3
    belly = np.sqrt(np.clip(1.0 - ((box.v - 0.36) / 0.42) ** 2, 0.05, 1.0))
    stripe = ramp(np.cos(np.clip(u / belly, -1.2, 1.2) * 8.5).astype(np.float32), -0.15, 0.15)
    box.canvas.lay(scene.palette.accent, mask * stripe * 0.95, box.window)
    box.canvas.lay(mix(scene.palette.light, (1, 1, 1), 0.3), mask * (1 - stripe) * 0.9, box.window)
    box.canvas.lay(scene.palette.near, mask * ramp(np.abs(u - 0.25), 0.5, 1.1) * 0.45, box.window)


STANDING = frozenset({"cat", "dog", "fox", "person", "tree", "house"})
HATS = {
    "cat": (0.475, 0.185, 0.30, 0.25),
    "dog": (0.575, 0.150, 0.26, -0.15),
    "fox": (0.575, 0.185, 0.24, -0.15),
}
"""Where a hat sits: middle, brim, size, lean."""
DETAILS: dict[str, Callable[[Scene, Box, Array], None]] = {
    "cat": _cat_face,
    "dog": _dog_face,
    "fox": _fox_face,
    "boat": _sails,
    "balloon": _stripes,
    "person": _staff_light,
    "house": _lit_windows([(0.34, 0.74, 0.05, 0.06), (0.62, 0.74, 0.05, 0.06)]),
    "castle": _lit_windows(
        [
            (x, y, 0.011, 0.022)
            for x, y in ((0.295, 0.40), (0.485, 0.33), (0.485, 0.55), (0.65, 0.45), (0.36, 0.58), (0.62, 0.6))
        ]
    ),
}


def birds(canvas: Canvas, scene: Scene) -> None:
    """A few birds far off."""
    width, height = canvas.width * FINE, canvas.height * FINE
    sheet = Image.new("L", (width, height))
    draw = ImageDraw.Draw(sheet)
    middle_x, middle_y = canvas.rng.uniform(0.2, 0.8), canvas.rng.uniform(0.18, 0.36)
    for _ in range(int(canvas.rng.integers(5, 10))):
        x = (middle_x + canvas.rng.normal(0, 0.09)) * width
        y = (middle_y + canvas.rng.normal(0, 0.045)) * height
        span = canvas.unit * FINE * canvas.rng.uniform(0.012, 0.026)
        lift = span * canvas.rng.uniform(0.2, 0.6)
        wing = max(2, int(span * 0.14))
        curve = smooth([(x - span, y - lift), (x - span * 0.4, y - lift * 0.9), (x, y)], 6)
        draw.line(curve, fill=255, width=wing, joint="curve")
        draw.line([(2 * x - px, py) for px, py in curve], fill=255, width=wing, joint="curve")
    mask = np.asarray(sheet.resize((canvas.width, canvas.height), Image.Resampling.BOX), np.float32) / 255
    canvas.lay(mix(scene.palette.near, scene.palette.far, 0.2), mask * 0.85)
