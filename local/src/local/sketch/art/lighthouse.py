"""The lighthouse on its rock, with its beam."""

import numpy as np

from local.sketch.art.canvas import Array, Canvas, color, mix, ramp
from local.sketch.art.scene import Scene

BANDS = 5


def paint_lighthouse(canvas: Canvas, scene: Scene, x: float, base: float) -> None:
    """Paint it with its middle at column `x`, standing at row `base` (both 0..1)."""
    height = 0.44
    lamp = base - height
    _beam(canvas, scene, x, lamp)
    _rock(canvas, scene, x, base)
    _tower(canvas, scene, x, base, height)
    _head(canvas, scene, x, lamp)


def _across(canvas: Canvas, x: float) -> Array:
    return ((canvas.x - x) * canvas.aspect).astype(np.float32)


def _beam(canvas: Canvas, scene: Scene, x: float, lamp: float) -> None:
    strength = 0.75 if scene.is_dark else 0.28
    u, v = _across(canvas, x), canvas.y - lamp
    for side, tilt in ((-1.0, -0.16), (1.0, 0.1)):
        along = side * u
        off = np.abs(v - tilt * along) / np.maximum(0.006 + 0.13 * along, 1e-3)
        cone = (
            ramp(off.astype(np.float32), 1.0, 0.0)
            * ramp(along, 0.0, 0.02)
            * np.exp(-np.maximum(along, 0) / 0.55)
        )
        canvas.shine(mix(scene.palette.light, (1.0, 0.95, 0.8), 0.5), (cone * strength).astype(np.float32))


def _rock(canvas: Canvas, scene: Scene, x: float, base: float) -> None:
    u = _across(canvas, x)
    rough = canvas.ridge(10, 5, 0.6)
    top = base - 0.012 + 1.5 * np.maximum(np.abs(u) - 0.085, 0) ** 1.25 + rough * 0.018
    mask = canvas.below(top.astype(np.float32)) * ramp(np.abs(u), 0.62, 0.45)
    dark = mix(scene.palette.near, scene.palette.far, 0.12)
    canvas.lay(dark, mask)
    facets = canvas.clouds(12 * canvas.aspect, 9, 4)
    lit = ramp(facets, 0.5, 0.85) * ramp(canvas.y - top, 0.2, 0.0)
    canvas.lay(mix(scene.palette.sky[-1], dark, 0.5), mask * lit * 0.55)


def _tower(canvas: Canvas, scene: Scene, x: float, base: float, height: float) -> None:
    u = _across(canvas, x)
    up = (base + 0.01 - canvas.y) / height
    half = 0.058 - 0.022 * np.clip(up, 0.0, 1.0)
    edge = 1.3 / canvas.height
    body = ramp(np.abs(u) - half, edge, -edge) * ramp(up, -0.002, 0.004) * ramp(up, 0.925, 0.915)
    white = mix(color("f4efe6"), scene.palette.sky[-2], 0.28)
    red = mix(color("c23b2e"), scene.palette.near, 0.15)
    stripe = ramp(np.cos(up * BANDS * 2 * np.pi).astype(np.float32), -0.06, 0.06)
    canvas.lay(white, body)
    canvas.lay(red, body * stripe)
    side = 1.0 if scene.sun_x < x else -1.0
    round_shade = ramp((side * u / half).astype(np.float32), -0.5, 1.15)
    canvas.lay(scene.palette.near, body * round_shade * 0.72)
    for height_share in (0.28, 0.55, 0.78):
        window = (np.abs(u) < 0.0075) & (np.abs(up - height_share) < 0.02)
        canvas.lay(color("ffd27a") if scene.is_dark else scene.palette.near, window.astype(np.float32) * body)


def _head(canvas: Canvas, scene: Scene, x: float, lamp: float) -> None:
    u, v = _across(canvas, x), canvas.y - lamp
    dark = mix(scene.palette.near, (0, 0, 0), 0.2)
    edge = 1.3 / canvas.height

    def box(half: float, top: float, bottom: float) -> Array:
        inside = ramp(np.abs(u), half + edge, half - edge)
        return inside * ramp(v, top - edge, top + edge) * ramp(v, bottom + edge, bottom - edge)

    canvas.lay(dark, box(0.05, 0.034, 0.044))
    canvas.lay(color("fff0c0"), box(0.027, -0.022, 0.034))
    for bar in (-0.026, 0.0, 0.026):
        thin = ramp(np.abs(u - bar), 0.0035, 0.0015) * box(0.03, -0.022, 0.034)
        canvas.lay(dark, thin)
    roof = ramp(np.abs(u) - np.maximum(v + 0.066, 0.0) * 0.82, edge, -edge) * ramp(v, -0.020, -0.024)
    canvas.lay(dark, roof * ramp(v, -0.068, -0.066))
    canvas.lay(dark, ramp(np.abs(u), 0.003, 0.0015) * ramp(v, -0.085, -0.083) * ramp(v, -0.05, -0.055))
    power = 0.95 if scene.is_dark else 0.5
    wide = canvas.around(x, lamp, 0.6)
    glow = canvas.distance(x, lamp, wide)
    light = np.exp(-glow / 0.045) * power + np.exp(-glow / 0.16) * 0.28 * power
    canvas.shine(color("ffe8b0"), np.minimum(light, 1.0).astype(np.float32), wide)
