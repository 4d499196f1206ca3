"""For words that name no place: colour in motion, circles, strata."""

import numpy as np

from local.sketch.art.canvas import Canvas, mix, planes, ramp
from local.sketch.art.scene import Scene
from local.sketch.art.sky import gradient


def paint_flow(canvas: Canvas, scene: Scene) -> None:
    """Silk: bands of colour along a smooth field, lit from the side."""
    one, two, three = (canvas.clouds(k * canvas.aspect, k, 1) for k in (1.0, 1.4, 1.8))
    turn = np.float32(2 * np.pi)
    field = 0.9 * one + 0.12 * np.sin(turn * (0.8 * two + 0.5 * canvas.x)) + 0.05 * np.sin(turn * three)
    field += 0.45 * canvas.y + 0.15 * canvas.x
    field = (field - field.min()) / (field.max() - field.min())
    stops = np.asarray([*scene.palette.sky, scene.palette.light, *scene.palette.sky[::-1]], np.float32)
    folds = field * 1.5 % 2.0
    where = np.minimum(folds, 2.0 - folds) * (len(stops) - 1)
    for channel in range(3):
        canvas.pixels[channel] = np.interp(where, np.arange(len(stops)), stops[:, channel])
    wave = np.sin(turn * field * 14).astype(np.float32)
    slope_y, slope_x = np.gradient(field + wave * 0.004)
    relief = ((slope_x * 0.8 - slope_y) * canvas.unit).astype(np.float32)
    canvas.shine(scene.palette.light, ramp(relief, 0.2, 4.0) * 0.35)
    canvas.lay(scene.palette.near, ramp(-relief, 0.6, 5.0) * 0.35)


def paint_orbs(canvas: Canvas, scene: Scene) -> None:
    """Translucent discs and arcs on a soft ground, as on an old poster."""
    palette = scene.palette
    canvas.pixels[:] = gradient(canvas, palette.sky, 1.0)
    canvas.shine(palette.light, ramp(canvas.clouds(2, 2, 4), 0.4, 1.0) * 0.25)
    paints = [palette.light, palette.accent, palette.sky[-1], palette.sky[1], palette.far, palette.near]
    for number in range(11):
        x, y = canvas.rng.uniform(0.08, 0.92), canvas.rng.uniform(0.1, 0.9)
        radius = float(canvas.rng.uniform(0.05, 0.26)) * (1.0 - 0.04 * number)
        away = canvas.distance(float(x), float(y))
        edge = 1.5 / canvas.height
        inside = ramp(away, radius + edge, radius - edge)
        paint = paints[int(canvas.rng.integers(len(paints)))]
        if number % 3 == 2:
            ring = inside * ramp(away, radius * 0.86 - edge, radius * 0.86 + edge)
            canvas.lay(paint, ring * 0.85)
        else:
            shade = 0.35 + 0.5 * ramp(canvas.y - y + (canvas.x - x) * 0.6, -radius, radius)
            canvas.lay((0.0, 0.0, 0.0), ramp(away, radius * 1.35, radius) * (1 - inside) * 0.12)
            canvas.lay(paint, inside * shade)


def paint_strata(canvas: Canvas, scene: Scene) -> None:
    """Sheets of paper laid over each other, lit from above."""
    palette = scene.palette
    canvas.pixels[:] = planes(mix(palette.light, palette.sky[-1], 0.5))
    away = canvas.distance(scene.sun_x, 0.3)
    canvas.lay(palette.accent, ramp(away, 0.152, 0.148))
    stops = [palette.sky[-1], palette.sky[-2], palette.sky[-3], palette.sky[1], palette.sky[0], palette.near]
    count = 9
    for number in range(count):
        share = number / (count - 1)
        edge = 0.3 + 0.62 * share + canvas.ridge(1.4 + share, 3, 0.4) * (0.11 - 0.05 * share)
        where = share * (len(stops) - 1)
        low = min(int(where), len(stops) - 2)
        paint = mix(stops[low], stops[low + 1], where - low)
        shadow = ramp(edge - canvas.y, 0.05, 0.0) * (1 - canvas.below(edge))
        canvas.lay(palette.near, shadow * 0.3)
        canvas.lay(paint, canvas.below(edge))
        canvas.lay(palette.light, canvas.below(edge) * ramp(canvas.y - edge, 0.008, 0.0) * 0.35)


ABSTRACTS = {"flow": paint_flow, "orbs": paint_orbs, "strata": paint_strata}
