"""From words to a scene: what time it is, where, who is in it, and which colours rule."""

import hashlib
import re
from dataclasses import dataclass

from local.sketch.art.canvas import Color, color, mix

TIMES = {
    "dusk": "dusk sunset sundown evening twilight",
    "dawn": "dawn sunrise morning mist misty fog foggy pastel",
    "day": "day sunny noon summer spring bright sky",
    "night": "night midnight dark moon moonlight stars starry nocturnal",
    "storm": "storm stormy rain rainy thunder grey gray gloomy moody",
    "magic": "magic fantasy wizard fairy dream dreamy witch neon cyberpunk synthwave nebula "
    "galaxy aurora space gandalf",
    "gold": "autumn fall golden amber harvest desert",
    "snow": "winter snow snowy ice icy frozen polar christmas",
}
PLACES = {
    "space": "space galaxy nebula cosmos planet astronaut universe spaceship",
    "sea": "sea ocean beach coast coastal harbour harbor island wave waves lake water river lighthouse boat "
    "ship sailboat sail sailing whale shore bay",
    "city": "city skyline street town tokyo london york building skyscraper skyscrapers cyberpunk neon robot "
    "car urban downtown architecture",
    "forest": "forest forests wood woods trees jungle pine fox deer wolf bear owl fairy elf",
    "desert": "desert dune dunes camel pyramid pyramids egypt sahara mars",
    "peaks": "mountain mountains alps peak peaks castle dragon knight climbing himalaya snow winter",
    "meadow": "dog puppy cat kitten horse field meadow farm flower flowers grass garden prairie hill hills "
    "valley landscape house cabin cottage balloon tree oak sheep cow rabbit park village countryside person "
    "man woman girl boy",
}
FIGURES = {
    "lighthouse": "lighthouse",
    "dog": "dog puppy dogs corgi terrier retriever hound",
    "cat": "cat kitten cats kitty",
    "fox": "fox wolf",
    "boat": "boat ship sailboat sail sailing yacht",
    "castle": "castle palace fortress tower",
    "house": "house cabin cottage barn home",
    "tree": "tree oak",
    "balloon": "balloon balloons",
    "pyramid": "pyramid pyramids egypt",
    "wizard": "wizard gandalf witch sorcerer merlin",
    "person": "person man woman girl boy knight monk traveller traveler hiker portrait astronaut",
    "birds": "bird birds gull gulls seagull seagulls crow crows eagle",
}
HUES = {
    "red": "d8412f",
    "orange": "f08a32",
    "yellow": "f3cf4a",
    "golden": "e8b04a",
    "green": "4fa35e",
    "teal": "2f9d94",
    "turquoise": "3cbfb4",
    "blue": "3f74d0",
    "purple": "7d4fc0",
    "violet": "7d4fc0",
    "pink": "ee8fb4",
    "magenta": "cf3f9a",
    "white": "f2efe8",
    "black": "1c1b22",
}


@dataclass(frozen=True, slots=True)
class Palette:
    """Sky from the top to the horizon, the light, and the land from far to near."""

    sky: tuple[Color, ...]
    light: Color
    far: Color
    near: Color
    accent: Color

    def tinted(self, hue: Color, share: float) -> "Palette":
        """The same with everything drawn towards a colour."""
        sky = tuple(
            mix(each, hue, share * (0.5 + 0.5 * k / len(self.sky))) for k, each in enumerate(self.sky)
        )
        return Palette(sky, mix(self.light, hue, share / 3), mix(self.far, hue, share), self.near, hue)


def _palette(sky: str, light: str, far: str, near: str, accent: str) -> Palette:
    return Palette(
        tuple(color(each) for each in sky.split()), *(color(each) for each in (light, far, near, accent))
    )


PALETTES = {
    "dusk": _palette("1a1c47 3e2c6e 9b4279 e8735a ffc27a", "ffe0a3", "7a4a72", "140e22", "e2543f"),
    "dawn": _palette("40568f 8590bf d9aebd f8cfb4 fff0d4", "fff6dc", "a79fbd", "2b3048", "e58a78"),
    "day": _palette("2468b4 4f97d3 93c8ea d3ebf2 f2f6ea", "fffbe6", "9ec4c8", "1f4a36", "d9553b"),
    "night": _palette("050817 0b1533 162a57 2a4a7c 4f7199", "e8f0ff", "2b4268", "04070f", "f2c46b"),
    "storm": _palette("1c2329 38454f 606f78 8e9b9d c2c6bd", "f2ecd6", "67757a", "11171a", "d98c4a"),
    "magic": _palette("0d0829 2e1463 6b2a98 c44fa6 ffa8b8", "ffe4f4", "6d3f96", "0d0720", "5fe3d3"),
    "gold": _palette("34506e 7f93a0 d8b78c f3c877 ffe3a4", "fff0c4", "c28a55", "3a1d17", "c8472b"),
    "snow": _palette("3f6694 7ea3c6 b9d2e4 e2ecf2 fbf4ee", "ffffff", "b7cbdd", "41566f", "c8434a"),
}
PLAIN_TIMES = ("dusk", "dawn", "day", "night", "gold", "magic")
ABSTRACTS = ("flow", "orbs", "strata")


@dataclass(frozen=True, slots=True)
class Scene:
    """What will be painted."""

    time: str
    place: str
    figures: tuple[str, ...]
    palette: Palette
    sun_x: float
    sun_y: float

    @property
    def is_dark(self) -> bool:
        """Whether windows are lit and stars are out."""
        return self.time in {"night", "magic", "dusk"}


def _named(words: list[str], table: dict[str, str]) -> list[str]:
    """The table's keys in the order in which the prompt names them."""
    by_word = {word: key for key, line in table.items() for word in line.split()}
    found = [by_word[word] for word in words if word in by_word]
    return list(dict.fromkeys(found))


def read_scene(prompt: str, negative: str, seed: int) -> Scene:
    """The scene of a prompt, without the negative prompt's words; what no word decides is hashed."""
    unwanted = set(re.findall(r"[a-z]+", negative.lower()))
    words = [word for word in re.findall(r"[a-z]+", prompt.lower()) if word not in unwanted]
    dice = hashlib.sha256(" ".join(words).encode()).digest()
    figures = tuple(_named(words, FIGURES)[:3])
    times = _named(words, TIMES)
    places = _named(words, PLACES)
    place = places[0] if places else ABSTRACTS[dice[0] % len(ABSTRACTS)]
    if not places and figures:
        place = "meadow"
    if places[:1] == ["meadow"] and len(places) > 1 and figures:
        place = places[1]  # "a dog on the beach": the animal alone does not make a meadow
    time = times[0] if times else _plain_time(place, dice[1])
    palette = PALETTES[time]
    hues = [HUES[word] for word in words if word in HUES]
    if hues:
        palette = palette.tinted(color(hues[0]), 0.3)
    shift = hashlib.sha256(f"{seed}|{prompt}".encode()).digest()
    low = time in {"dusk", "dawn", "gold"}
    return Scene(
        time=time,
        place=place,
        figures=figures,
        palette=palette,
        sun_x=0.22 + 0.56 * shift[0] / 255,
        sun_y=(0.44 if low else 0.16) + 0.1 * shift[1] / 255,
    )


def _plain_time(place: str, die: int) -> str:
    if place == "space":
        return "magic"
    if place == "desert":
        return "gold"
    if place == "city":
        return ("dusk", "night")[die % 2]
    if place == "meadow":
        return ("dusk", "dawn", "gold")[die % 3]
    return PLAIN_TIMES[die % len(PLAIN_TIMES)]
