"""Which strings of a request are links, and how they are replaced (DESIGN 4.4)."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queue_agent.links import find_links, with_values

URL = "https://pictures.example/a.png?size=1"
UPLOAD = "upload://0b8f9a4e-6c1d-4a57-9d2e-3f0a5b7c1d2e"


def paths(document: Any) -> list[tuple[str | int, ...]]:
    return [link.path for link in find_links(document)]


@pytest.mark.parametrize(
    "url", ["http://a.example/x.png", URL, "s3://bucket/key.png", "HTTPS://A.example/x", UPLOAD]
)
def test_a_url_that_is_the_whole_string_is_a_link(url: str) -> None:
    assert [link.url for link in find_links({"init_images": [url]})] == [url]


@pytest.mark.parametrize(
    "text",
    [
        "see https://a.example/x.png",
        "https://a.example/x.png and more",
        "data:image/png;base64,AAAA",
        "iVBORw0KGgo=",
        "ftp://a.example/x.png",
        "s3:/bucket/key",
        "",
    ],
)
def test_other_strings_are_not_links(text: str) -> None:
    assert paths({"init_images": [text]}) == []


def test_links_are_found_at_any_depth_in_the_order_of_the_document() -> None:
    content = {
        "init_images": [URL, "AAAA"],
        "mask": URL,
        "alwayson_scripts": {"controlnet": {"args": [{"image": {"image": URL, "mask": None}}]}},
        "imageList": [{"data": URL, "name": "a.png"}],
    }
    assert paths(content) == [
        ("init_images", 0),
        ("mask",),
        ("alwayson_scripts", "controlnet", "args", 0, "image", "image"),
        ("imageList", 0, "data"),
    ]


def test_texts_are_never_touched() -> None:
    content = {
        "prompt": URL,
        "negative_prompt": URL,
        "hr_prompt": URL,
        "hr_negative_prompt": URL,
        "styles": [URL],
        "infotext": URL,
        "comments": {"source": URL},
        "override_settings": {"api_useragent": URL},
        "imageList": [{"data": "AAAA", "name": URL}],
        "alwayson_scripts": {"ADetailer": {"args": [{"ad_prompt": URL, "ad_negative_prompt": URL}]}},
    }
    assert paths(content) == []


def test_replacing_leaves_the_given_document_as_it_was() -> None:
    content = {"init_images": [URL, "AAAA"], "steps": 3, "nested": {"kept": [1]}}
    before = copy.deepcopy(content)
    replaced = with_values(content, {("init_images", 0): "BBBB"})
    assert replaced == {"init_images": ["BBBB", "AAAA"], "steps": 3, "nested": {"kept": [1]}}
    assert content == before
    assert replaced["nested"] is content["nested"]


def test_a_document_deeper_than_python_recurses_is_searched() -> None:
    document: Any = URL
    for _ in range(5000):
        document = [document]
    assert len(paths({"init_images": document})[0]) == 5001


JSON = st.recursive(
    st.none() | st.integers() | st.sampled_from([URL, "text", "AAAA"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=30,
)


@given(document=st.dictionaries(st.sampled_from("abcd"), JSON))
def test_no_link_is_left_once_all_are_replaced(document: dict[str, Any]) -> None:
    links = list(find_links(document))
    replaced = with_values(document, {link.path: "AAAA" for link in links})
    assert list(find_links(replaced)) == []
    assert str(replaced) == str(document).replace(URL, "AAAA")
