"""Painting for both generations: whole batches, half-done pictures, the prepared picture of benchmarks."""

import asyncio
from dataclasses import dataclass

import numpy as np
from PIL import Image

from local.sketch.paint import paint

PREPARED_PROMPT = "a lighthouse at dusk"


@dataclass(frozen=True, slots=True)
class Order:
    """One picture to paint."""

    prompt: str
    negative: str
    seed: int
    width: int
    height: int
    steps: int
    base: Image.Image | None = None
    denoise: float = 1.0


class Studio:
    """Paints in a thread, so that progress and health requests are answered meanwhile."""

    def __init__(self, *, prepared: bool = False, blank: bool = False) -> None:
        self._prepared = prepared
        self._blank = blank
        self._ready: dict[tuple[int, int], Image.Image] = {}

    async def paint(self, order: Order) -> Image.Image:
        """The picture; with `prepared`, one for each size, painted once; with `blank`, an empty one."""
        if self._blank:
            return Image.new("RGB", (order.width, order.height))
        if not self._prepared:
            return await asyncio.to_thread(self._paint, order)
        size = (order.width, order.height)
        if size not in self._ready:
            plain = Order(PREPARED_PROMPT, "", 0, *size, 20)
            self._ready[size] = await asyncio.to_thread(self._paint, plain)
        return self._ready[size]

    @staticmethod
    def _paint(order: Order) -> Image.Image:
        return paint(
            order.prompt,
            order.negative,
            order.seed,
            order.width,
            order.height,
            order.steps,
            order.base,
            order.denoise,
        )


def half_done(image: Image.Image, fraction: float, seed: int) -> Image.Image:
    """What an interrupted run hands out: the picture still under its noise; `fraction` 0..1 is done."""
    noise = np.random.default_rng(seed).normal(128, 70, (image.height, image.width, 3))
    veil = Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))
    return Image.blend(veil, image.convert("RGB"), min(1.0, max(0.0, fraction)))
