"""Skies: gradient, sun or moon, clouds, stars."""

import numpy as np

from local.sketch.art.canvas import Array, Canvas, mix, ramp
from local.sketch.art.scene import Scene


def gradient(canvas: Canvas, stops: tuple[tuple[float, float, float], ...], bottom: float) -> Array:
    """Colours from the top to the row `bottom` (0..1), and the last one below; shape (3, height, 1)."""
    where = np.linspace(0.0, bottom, len(stops))
    rows = canvas.y[:, 0]
    parts = [np.interp(rows, where, [stop[channel] for stop in stops]) for channel in range(3)]
    return np.stack(parts).astype(np.float32)[:, :, None]


def paint_sky(canvas: Canvas, scene: Scene, horizon: float) -> None:
    """Everything above the horizon (and its continuation below, for what reflects it)."""
    canvas.pixels[:] = gradient(canvas, scene.palette.sky, horizon)
    if scene.is_dark:
        _stars(canvas, horizon, 1.0 if scene.time != "dusk" else 0.4)
    if scene.time == "magic":
        _aurora(canvas, scene)
    _sun(canvas, scene)
    _clouds(canvas, scene, horizon)


def _stars(canvas: Canvas, horizon: float, strength: float) -> None:
    count = int(240 * strength)
    rows = (canvas.rng.random(count) ** 1.3 * horizon * 0.85 * canvas.height).astype(int)
    columns = (canvas.rng.random(count) * (canvas.width - 1)).astype(int)
    light = (canvas.rng.random(count).astype(np.float32) ** 3 * 0.9 + 0.12) * strength
    canvas.pixels[:, rows, columns] += light * (1.0 - canvas.pixels[:, rows, columns])
    big = light > 0.62 * strength
    for row, column, power in zip(rows[big], columns[big], light[big], strict=True):
        area = canvas.pixels[:, max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
        area += 0.35 * power * (1.0 - area)


def _aurora(canvas: Canvas, scene: Scene) -> None:
    drift = canvas.ridge(2.0, 4) * 0.12
    band = np.exp(-(((canvas.y - 0.3 - drift) / 0.16) ** 2)).astype(np.float32)
    veil = canvas.clouds(9, 1.4, 3)
    canvas.shine(scene.palette.accent, band * ramp(veil, 0.25, 0.95) * 0.5)


def _sun(canvas: Canvas, scene: Scene) -> None:
    away = canvas.distance(scene.sun_x, scene.sun_y)
    moon = scene.time in {"night", "magic"}
    radius = 0.052 if moon else 0.066
    canvas.shine(scene.palette.light, np.exp(-away / 0.26).astype(np.float32) * (0.3 if moon else 0.55))
    canvas.shine(scene.palette.light, np.exp(-((away / 0.13) ** 2)).astype(np.float32) * 0.4)
    edge = 1.6 / canvas.height
    if scene.time in {"gold", "dawn"}:
        canvas.shine((1.0, 0.98, 0.9), np.exp(-((away / 0.085) ** 2)).astype(np.float32) * 0.75)
    if scene.time != "storm":
        disc = mix(scene.palette.light, (1.0, 1.0, 1.0), 0.0 if scene.time == "dusk" else 0.5)
        canvas.lay(disc, ramp(away, radius + edge, radius - edge))
    if moon:
        seas = canvas.clouds(14 * canvas.aspect, 14, 3)
        inside = ramp(away, radius + edge, radius - edge)
        canvas.lay(mix(scene.palette.light, scene.palette.sky[2], 0.35), inside * ramp(seas, 0.5, 0.75) * 0.5)


def _clouds(canvas: Canvas, scene: Scene, horizon: float) -> None:
    noise = canvas.clouds(2.4 * canvas.aspect, 7.5, 5)
    amount = {"storm": 0.30, "day": 0.52, "night": 0.62, "snow": 0.45}.get(scene.time, 0.5)
    high = ramp(canvas.y, 0.02, 0.2) * ramp(canvas.y, horizon, horizon - 0.2)
    body = ramp(noise, amount, amount + 0.32) * high
    under = np.roll(noise, -max(1, canvas.height // 60), axis=0)
    lit = ramp(noise - under, -0.02, 0.09)
    warm = mix(scene.palette.sky[-1], scene.palette.light, 0.5)
    cool = mix(scene.palette.sky[1], scene.palette.sky[3], 0.55)
    canvas.lay(cool, body * 0.5)
    canvas.lay(warm, body * lit * (0.72 if scene.time != "night" else 0.2))
