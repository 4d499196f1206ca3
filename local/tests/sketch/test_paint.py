import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from local.sketch.art.abstract import ABSTRACTS
from local.sketch.art.figures import FIGURES
from local.sketch.art.land import PLACES
from local.sketch.art.scene import read_scene
from local.sketch.paint import paint
from local.sketch.picture import DISCLOSURE, encode, png
from local.sketch.resample import cover, upscale


def _far(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures, 0..255."""
    a, b = (np.asarray(each.convert("RGB").resize((64, 64)), np.float32) for each in (one, other))
    return float(np.abs(a - b).mean())


def test_the_same_request_gives_the_same_bytes() -> None:
    one, other = (paint("a lighthouse at dusk", "", 7, 128, 96, 20) for _ in range(2))
    assert png(one, {}) == png(other, {})
    assert one.size == (128, 96)


def test_seed_prompt_and_negative_prompt_change_the_picture() -> None:
    base = paint("a lighthouse at dusk", "", 7, 96, 96, 20)
    for other in (
        ("a lighthouse at dusk", "", 8),
        ("a cat at dusk", "", 7),
        ("a lighthouse at dusk", "dusk", 7),
    ):
        assert paint(*other, 96, 96, 20).tobytes() != base.tobytes()


@pytest.mark.parametrize(
    ("prompt", "time", "place", "figures"),
    [
        ("A lighthouse at dusk", "dusk", "sea", ("lighthouse",)),
        ("a fox in a misty forest", "dawn", "forest", ("fox",)),
        ("New York skyline at night", "night", "city", ()),
        ("a dog on the beach, sunset", "dusk", "sea", ("dog",)),
        ("a castle in the snow", "snow", "peaks", ("castle",)),
        ("galaxy", "magic", "space", ()),
    ],
)
def test_words_choose_time_place_and_figures(
    prompt: str, time: str, place: str, figures: tuple[str, ...]
) -> None:
    scene = read_scene(prompt, "", 1)
    assert (scene.time, scene.place, scene.figures) == (time, place, figures)


def test_the_negative_prompt_takes_figures_away() -> None:
    assert read_scene("a dog and a cat in a meadow", "dog", 1).figures == ("cat",)


def test_unknown_words_give_an_abstract_picture_that_does_not_depend_on_the_process() -> None:
    scene = read_scene("qwertz uiop", "", 1)
    assert scene.place in ABSTRACTS
    assert read_scene("qwertz uiop", "", 1) == scene


@pytest.mark.parametrize("place", sorted(PLACES))
def test_every_place_can_be_painted(place: str) -> None:
    image = paint(place, "", 3, 96, 64, 20)
    assert len(image.getcolors(96 * 64) or []) > 500


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_every_figure_is_seen(name: str) -> None:
    scene, without = (
        paint(f"{name} in a meadow", "", 3, 128, 128, 20),
        paint("in a meadow", "", 3, 128, 128, 20),
    )
    assert _far(scene, without) > 1


@settings(max_examples=25, deadline=None)
@given(
    prompt=st.text(max_size=40),
    width=st.integers(8, 160),
    height=st.integers(8, 160),
    steps=st.integers(0, 30),
    seed=st.integers(-(2**63), 2**64),
)
def test_anything_can_be_painted_in_any_size(
    prompt: str, width: int, height: int, steps: int, seed: int
) -> None:
    assert paint(prompt, "", seed, width, height, steps).size == (width, height)


def test_large_pictures_have_the_size_that_was_asked_for() -> None:
    assert paint("sea", "", 1, 1600, 1024, 20).size == (1600, 1024)


def test_the_given_picture_stays_recognisable_and_fades_with_denoising_strength() -> None:
    base = paint("a lighthouse at dusk", "", 5, 192, 192, 20)
    away = [_far(base, paint("winter, snow", "", 3, 192, 192, 20, base, share)) for share in (0, 0.3, 0.6, 1)]
    assert away[0] == 0
    assert away == sorted(away)
    assert away[3] < _far(base, paint("winter, snow", "", 3, 192, 192, 20))


def test_few_steps_leave_the_picture_grainy() -> None:
    fine, coarse = (paint("sea", "", 1, 128, 128, steps) for steps in (20, 1))
    assert (
        np.asarray(coarse, np.float32).std(axis=(0, 1)).mean()
        > np.asarray(fine, np.float32).std(axis=(0, 1)).mean()
    )


def test_upscalers_differ_and_reach_the_size() -> None:
    small = paint("a cat", "", 1, 64, 64, 20)
    done = [upscale(small, (256, 256), name) for name in ("Nearest", "Lanczos", "R-ESRGAN 4x+")]
    assert {image.size for image in done} == {(256, 256)}
    assert len({image.tobytes() for image in done}) == 3
    assert upscale(small, (128, 128), "Nearest").getpixel((1, 1)) == small.getpixel((0, 0))


def test_cover_fills_a_size_without_stretching() -> None:
    assert cover(Image.new("RGB", (200, 50)), (60, 60)).size == (60, 60)


def test_every_format_carries_parameters_and_says_that_no_model_was_involved() -> None:
    image = paint("sea", "", 1, 64, 64, 20)
    for extension, kind in (("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP"), ("odd", "PNG")):
        data = encode(image, extension, "sea\nSteps: 20")
        opened = Image.open(io.BytesIO(data))
        assert opened.format == kind
        said = DISCLOSURE.encode()
        if kind == "PNG":
            assert opened.info["parameters"] == "sea\nSteps: 20"
        else:
            assert "sea\nSteps: 20".encode("utf-16-be") in data
        assert said in data
