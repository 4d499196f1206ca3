"""Pictures in a terminal: two pixels to a character, the upper in its colour, the lower behind it."""

from pathlib import Path

from PIL import Image
from rich.color import Color
from rich.style import Style
from rich.text import Text

_UPPER_HALF = "\u2580"


def blocks(path: Path, columns: int) -> Text:
    """Return a picture in coloured half blocks, `columns` wide and in its own shape."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    rows = max(1, round(columns * picture.height / picture.width / 2))
    small = picture.resize((columns, rows * 2))
    drawn = Text(no_wrap=True)
    for row in range(rows):
        for column in range(columns):
            upper, lower = (_colour(small, column, 2 * row + half) for half in (0, 1))
            drawn.append(_UPPER_HALF, Style(color=upper, bgcolor=lower))
        drawn.append("\n")
    return drawn


def _colour(picture: Image.Image, x: int, y: int) -> Color:
    pixel = picture.getpixel((x, y))
    assert isinstance(pixel, tuple), "it is RGB"
    red, green, blue = pixel
    return Color.from_rgb(red, green, blue)
