"""Pictures to be given to the console."""

import io

from PIL import Image, ImageDraw

SIDE = 96  # pixels


def picture(side: int = SIDE) -> bytes:
    """Return a small PNG."""
    image = Image.new("RGB", (side, side), "midnightblue")
    ImageDraw.Draw(image).ellipse((side // 4, side // 4, side * 3 // 4, side * 3 // 4), fill="gold")
    packed = io.BytesIO()
    image.save(packed, "PNG")
    return packed.getvalue()
