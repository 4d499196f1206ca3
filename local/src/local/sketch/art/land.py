"""Places: hills, peaks, sea, forest, city, desert, meadow, space."""

import numpy as np
from PIL import Image, ImageDraw

from local.sketch.art.canvas import Array, Canvas, Color, mix, planes, ramp, resize
from local.sketch.art.scene import Scene

FINE = 2
"""Hard edges are drawn this much larger and shrunk."""


def layer(canvas: Canvas, edge: Array, paint: Color, mist: Color, thickness: float = 0.16) -> None:
    """One sheet of land under a line; it gets lighter towards its foot, where the mist lies."""
    mask = canvas.below(edge)
    depth = ramp(canvas.y - edge, 0.0, thickness)
    canvas.lay(paint, mask)
    canvas.lay(mist, mask * depth * 0.38)


def hills(canvas: Canvas, scene: Scene, top: float, count: int, *, bumps: float, height: float) -> None:
    """Hills behind hills, from `top` (0..1) to the bottom."""
    palette = scene.palette
    mist = mix(palette.sky[-1], palette.far, 0.35)
    for number in range(count):
        share = number / max(1, count - 1)
        base = top + (0.96 - top) * share**1.15
        edge = base + canvas.ridge(bumps * (1.3 - 0.5 * share), 6, 0.45) * height * (1.0 - 0.4 * share)
        shade = mix(mix(mist, palette.far, 0.7), palette.near, share**0.85)
        layer(canvas, edge, shade, mix(shade, mist, 0.8 * (1 - share) + 0.08))


def paint_meadow(canvas: Canvas, scene: Scene) -> None:
    """Rolling hills, and grass at the front."""
    hills(canvas, scene, 0.6, 5, bumps=2.2, height=0.06)
    _grass(canvas, scene)


def _grass(canvas: Canvas, scene: Scene) -> None:
    width, height = canvas.width * FINE, canvas.height * FINE
    sheet = Image.new("L", (width, height))
    draw = ImageDraw.Draw(sheet)
    blades = int(260 * canvas.aspect)
    roots = canvas.rng.random(blades)
    for root, length, lean in zip(
        roots, canvas.rng.random(blades), canvas.rng.normal(0, 1, blades), strict=True
    ):
        x = root * width
        tall = (0.02 + 0.055 * length) * height
        tip = (x + lean * tall * 0.3, height - tall)
        draw.polygon([(x - tall * 0.06, height), (x + tall * 0.06, height), tip], fill=255)
    mask = np.asarray(sheet.resize((canvas.width, canvas.height), Image.Resampling.BOX), np.float32) / 255
    canvas.lay(mix(scene.palette.near, (0, 0, 0), 0.25), mask)


def paint_peaks(canvas: Canvas, scene: Scene) -> None:
    """Mountains with snow on them, hills before them."""
    palette = scene.palette
    mist = mix(palette.sky[-1], palette.far, 0.3)
    for number, (base, size) in enumerate(((0.5, 0.16), (0.6, 0.2))):
        line = canvas.ridge(2.4 + number, 7, 0.47)
        edge = base - (1.0 - np.abs(line)) * size + 0.06
        shade = mix(palette.far, palette.near, 0.15 + 0.3 * number)
        layer(canvas, edge, shade, mist, 0.3)
        rock = canvas.clouds(9 * canvas.aspect, 7, 4)
        deep = canvas.y - edge + (rock - 0.5) * 0.13
        snow = canvas.below(edge) * ramp(deep, 0.085 - 0.02 * number, 0.06 - 0.02 * number)
        lit = ramp(rock - np.roll(rock, canvas.unit // 60, axis=1), -0.05, 0.07)
        canvas.lay(mix(palette.light, palette.sky[2], 0.1), snow * (0.42 + 0.5 * lit))
    hills(canvas, scene, 0.72, 4, bumps=2.6, height=0.05)


def paint_sea(canvas: Canvas, scene: Scene) -> None:
    """Water from the horizon down: it mirrors the sky, and the light glitters on it."""
    horizon = HORIZON
    row = int(horizon * canvas.height)
    rows = canvas.height - row
    up = np.maximum(0, row - 1 - (np.arange(rows) * row / max(1, rows) * 0.9).astype(int))
    mirror = canvas.pixels[:, up]
    deep = planes(mix(scene.palette.sky[0], scene.palette.near, 0.45))
    depth = np.linspace(0.12, 0.72, rows, dtype=np.float32)[:, None]
    smooth = mirror.mean(axis=2, keepdims=True) * 0.65 + mirror * 0.35
    waves = _ripples(canvas, rows)
    tone = (waves - 0.5) * np.linspace(0.06, 0.26, rows, dtype=np.float32)[:, None]
    water = (smooth * (1 - depth) + deep * depth) * (1.0 + tone * 1.6) + tone * 0.06
    canvas.pixels[:, row:] = np.clip(water, 0, 1)
    glitter = np.zeros((canvas.height, canvas.width), np.float32)
    down = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    spread = np.exp(-(((canvas.x - scene.sun_x) * canvas.aspect / (0.05 + 0.2 * down)) ** 2))
    glitter[row:] = spread * ramp(waves, 0.5, 0.72) * (1.0 - 0.55 * down)
    canvas.shine(scene.palette.light, glitter * 0.95)
    haze = np.exp(-np.abs(canvas.y - horizon) / 0.018).astype(np.float32)
    canvas.lay(mix(scene.palette.sky[-1], scene.palette.light, 0.3), haze * 0.5)


def _ripples(canvas: Canvas, rows: int) -> Array:
    """Wave noise in perspective: fine at the horizon, broad at the front."""
    tall = 160
    noise: Array = canvas.rng.random((tall, int(26 * canvas.aspect)), np.float32)
    noise = (noise + np.roll(noise, 1, axis=1) + np.roll(noise, 1, axis=0)) / 3
    where = np.linspace(0, 1, rows) ** 0.5 * (tall - 2)
    low = where.astype(int)
    share = (where - low).astype(np.float32)[:, None]
    lines = noise[low] * (1 - share) + noise[low + 1] * share
    image = Image.fromarray(np.ascontiguousarray(lines)).resize(
        (canvas.width, rows), Image.Resampling.BICUBIC
    )
    fine = np.asarray(image, np.float32)
    low_end, high_end = np.quantile(lines, (0.02, 0.98))
    return ramp(fine, float(low_end), float(high_end))


def paint_forest(canvas: Canvas, scene: Scene) -> None:
    """Rows of conifers in the mist."""
    palette = scene.palette
    mist = mix(palette.sky[-1], palette.far, 0.3)
    hills(canvas, scene, 0.5, 2, bumps=2.0, height=0.05)
    for number in range(5):
        share = number / 4
        base = 0.6 + 0.38 * share
        edge = base + canvas.ridge(2.0, 3) * 0.03
        mask = np.maximum(_conifers(canvas, edge[0], 0.09 + 0.19 * share**1.3), canvas.below(edge + 0.02))
        shade = mix(mix(palette.far, mist, 0.35), palette.near, share**0.8)
        canvas.lay(shade, mask)
        canvas.lay(mist, mask * ramp(canvas.y - edge, -0.06, 0.1) * 0.34 * (1 - 0.75 * share))
    layer(canvas, 0.93 + canvas.ridge(2, 4) * 0.015, mix(palette.near, palette.far, 0.12), palette.near)
    _grass(canvas, scene)


def _conifers(canvas: Canvas, edge: Array, height: float) -> Array:
    width, tall = canvas.width * FINE, canvas.height * FINE
    sheet = Image.new("L", (width, tall))
    draw = ImageDraw.Draw(sheet)
    step = height * 0.3 * tall
    x = -step * float(canvas.rng.random())
    while x < width + step:
        size = height * tall * float(canvas.rng.uniform(0.55, 1.0))
        column = min(canvas.width - 1, max(0, int(x / FINE)))
        foot = float(edge[column]) * tall + 0.02 * tall
        _conifer(draw, x, foot, size, canvas.rng)
        x += step * float(canvas.rng.uniform(0.55, 1.35))
    return np.asarray(sheet.resize((canvas.width, canvas.height), Image.Resampling.BOX), np.float32) / 255


def _conifer(draw: ImageDraw.ImageDraw, x: float, foot: float, size: float, rng: np.random.Generator) -> None:
    tiers = 6
    draw.rectangle([x - size * 0.012, foot - size, x + size * 0.012, foot + size * 0.1], fill=255)
    for tier in range(tiers):
        share = (tier + 1) / tiers
        top = foot - size * (1.0 - 0.82 * tier / tiers)
        bottom = foot - size * (1.0 - share) * 0.92 + size * 0.02
        half = size * 0.2 * share**0.85 * float(rng.uniform(0.85, 1.15))
        draw.polygon([(x, top), (x - half, bottom), (x, bottom - size * 0.03), (x + half, bottom)], fill=255)


def paint_city(canvas: Canvas, scene: Scene) -> None:
    """Towers behind towers, windows lit when it is dark."""
    palette = scene.palette
    glow = np.exp(-(((canvas.y - 0.78) / 0.2) ** 2)).astype(np.float32)
    canvas.lay(mix(palette.sky[-1], palette.light, 0.3), glow * 0.4)
    for number in range(3):
        share = number / 2
        shade = mix(mix(palette.far, palette.sky[-1], 0.25), palette.near, 0.15 + 0.8 * share)
        mask, windows = _towers(canvas, 0.42 + 0.2 * share, 0.075 + 0.03 * share, share)
        canvas.lay(shade, mask)
        canvas.lay(
            mix(palette.far, palette.sky[-1], 0.5), mask * ramp(canvas.y, 0.6, 1.05) * 0.35 * (1 - share)
        )
        if scene.is_dark:
            canvas.shine((1.0, 0.82, 0.5), windows * (0.35 + 0.45 * share))


def _towers(canvas: Canvas, top: float, wide: float, share: float) -> tuple[Array, Array]:
    width, tall = canvas.width * FINE, canvas.height * FINE
    body, lights = Image.new("L", (width, tall)), Image.new("L", (width, tall))
    draw, lit = ImageDraw.Draw(body), ImageDraw.Draw(lights)
    rng = canvas.rng
    x = -0.02 * width
    while x < width:
        w = wide * canvas.unit * FINE * float(rng.uniform(0.6, 1.5))
        middle = abs(x / width - 0.5)
        y = (top + 0.22 * middle + 0.24 * float(rng.random()) ** 1.5) * tall
        draw.rectangle([x, y, x + w, tall], fill=255)
        if rng.random() < 0.4:
            draw.rectangle([x + w * 0.3, y - w * 0.3, x + w * 0.7, y], fill=255)
            draw.line([x + w * 0.5, y - w * 0.9, x + w * 0.5, y], fill=255, width=max(1, int(w * 0.03)))
        _windows(lit, rng, (x, y, w, tall), canvas.unit * FINE * (0.010 + 0.004 * share))
        x += w * float(rng.uniform(0.8, 1.2))
    small = (canvas.width, canvas.height)
    parts = [
        np.asarray(each.resize(small, Image.Resampling.BOX), np.float32) / 255 for each in (body, lights)
    ]
    return parts[0], parts[1]


def _windows(
    draw: ImageDraw.ImageDraw, rng: np.random.Generator, box: tuple[float, float, float, float], cell: float
) -> None:
    x, y, w, bottom = box
    columns, rows = int(w / cell) - 1, int((bottom - y) / cell / 1.3)
    if columns < 1 or rows < 1:
        return
    on = rng.random((rows, columns)) < 0.28
    for row, column in zip(*np.nonzero(on), strict=True):
        left, top = x + cell * (column + 0.75), y + cell * 1.3 * (row + 0.6)
        draw.rectangle([left, top, left + cell * 0.5, top + cell * 0.6], fill=int(rng.integers(110, 255)))


def paint_desert(canvas: Canvas, scene: Scene) -> None:
    """Dunes, one flank in the light."""
    palette = scene.palette
    sand = mix(palette.light, palette.far, 0.55)
    for number in range(5):
        share = number / 4
        line = canvas.ridge(1.3 + 0.3 * share, 2, 0.35)
        edge = 0.6 + 0.34 * share + line * 0.06
        shade = mix(mix(sand, palette.sky[-1], 0.4), mix(sand, palette.near, 0.78), share)
        layer(canvas, edge, shade, mix(shade, sand, 0.6), 0.25)
        slope = resize(np.repeat(np.gradient(line[0])[None, ::16], 3, 0), canvas.width, 3)[1:2] * canvas.width
        reach = 0.015 + 0.12 * ramp(slope, -1.6, 2.4)
        lit = canvas.below(edge) * ramp((canvas.y - edge) / reach, 1.0, 0.2)
        canvas.lay(mix(palette.light, sand, 0.25), lit * 0.62 * (1 - 0.45 * share))
        lines = np.sin((canvas.y - edge * 0.6) * (260 - 120 * share) + canvas.ridge(3, 3) * 5).astype(
            np.float32
        )
        canvas.lay(shade, canvas.below(edge) * ramp(lines, 0.2, 1.0) * 0.10)


def paint_space(canvas: Canvas, scene: Scene) -> None:
    """A nebula, and a ringed planet."""
    palette = scene.palette
    cloud, veil = canvas.clouds(2.2 * canvas.aspect, 2.2, 6), canvas.clouds(3 * canvas.aspect, 3, 6)
    canvas.pixels[:] = planes(palette.sky[0]) * 0.6
    canvas.shine(palette.sky[2], ramp(cloud, 0.35, 0.95) * 0.9)
    canvas.shine(palette.sky[3], ramp(cloud * veil, 0.25, 0.7) * 0.8)
    canvas.shine(palette.accent, ramp(veil - 0.4 * cloud, 0.2, 0.8) * 0.35)
    rows = (canvas.rng.random(700) * (canvas.height - 1)).astype(int)
    columns = (canvas.rng.random(700) * (canvas.width - 1)).astype(int)
    light = canvas.rng.random(700).astype(np.float32) ** 4
    canvas.pixels[:, rows, columns] += light * (1 - canvas.pixels[:, rows, columns])
    _planet(canvas, scene)


def _planet(canvas: Canvas, scene: Scene) -> None:
    x, y, radius = scene.sun_x, 0.52, 0.19
    away = canvas.distance(x, y)
    inside = ramp(away, radius + 0.003, radius - 0.003)
    bands = canvas.clouds(0.6, 16, 3)
    tone = planes(scene.palette.sky[3]) * (0.6 + 0.6 * bands)
    light_side = ramp(canvas.distance(x - 0.1 / canvas.aspect, y - 0.1), 0.3, 0.06)
    canvas.lay(tone * (0.12 + 0.95 * light_side), inside)
    canvas.shine(scene.palette.light, np.exp(-np.abs(away - radius) / 0.012) * light_side * 0.35)
    tilt = (canvas.y - y) + (canvas.x - x) * canvas.aspect * 0.28
    ring = np.hypot((canvas.x - x) * canvas.aspect / 0.36, tilt / 0.075).astype(np.float32)
    band = ramp(ring, 0.72, 0.78) * ramp(ring, 1.02, 0.97) * (0.65 + 0.35 * np.sin(ring * 70))
    front = np.maximum(ramp(tilt, -0.002, 0.002), 1.0 - inside)
    canvas.lay(mix(scene.palette.light, scene.palette.sky[3], 0.4), (band * front * 0.75).astype(np.float32))


HORIZON = 0.58
PLACES = {
    "meadow": paint_meadow,
    "peaks": paint_peaks,
    "sea": paint_sea,
    "forest": paint_forest,
    "city": paint_city,
    "desert": paint_desert,
    "space": paint_space,
}
