import json
import struct
from pathlib import Path
from typing import Any

import pytest

from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.operating.errors import ModelRefusedError
from darkroom_cli.operating.models.formats import check_model

TENSOR = {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}


def packed(header: Any, data: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def file(folder: Path, content: bytes, name: str = "model.safetensors") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_safetensors_file_is_taken_and_measured(tmp_path: Path) -> None:
    header = {"__metadata__": {"format": "pt"}, "a": TENSOR, "b": TENSOR | {"data_offsets": [12, 24]}}
    content = packed(header, bytes(24))
    assert check_model(file(tmp_path, content), allow_pickle=False) == len(content)


def test_an_element_type_that_is_newer_than_this_is_taken(tmp_path: Path) -> None:
    header = {"a": {"dtype": "F4", "shape": [24], "data_offsets": [0, 12]}}
    assert check_model(file(tmp_path, packed(header, bytes(12))), allow_pickle=False) > 12


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"abc", "only 3 bytes"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "longer than the file"),
        (packed({"a": TENSOR}, bytes(11)), "1 bytes are missing at its end"),
        (packed({"a": TENSOR}, bytes(13)), "1 bytes that belong to no tensor"),
        (packed(b"{not json", bytes(12)), "not JSON"),
        (packed(b"[" * 100_000, bytes(12)), "not JSON"),
        (packed([], bytes(12)), "not a JSON object"),
        (packed({}, b""), "no tensors"),
        (packed({"a": {"dtype": "F16"}}, bytes(12)), "no dtype, shape and data_offsets"),
        (packed({"a": TENSOR | {"data_offsets": [12, 0]}}, bytes(12)), "cannot be"),
        (packed({"a": TENSOR | {"shape": [-2, -3]}}, bytes(12)), "cannot be"),
        (packed({"a": TENSOR | {"dtype": "F32"}}, bytes(12)), "12 bytes are not [2, 3] of F32"),
        (packed({"a": TENSOR, "b": TENSOR}, bytes(12)), "begins at 0, where 12 is due"),
        (packed({"a": TENSOR | {"data_offsets": [4, 16]}}, bytes(16)), "begins at 4, where 0 is due"),
        (packed({"__metadata__": {"a": 1}, "b": TENSOR}, bytes(12)), "not a mapping of text"),
    ],
)
def test_what_is_not_quite_a_safetensors_file_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = file(tmp_path, content)
    with pytest.raises(ModelRefusedError) as refused:
        check_model(path, allow_pickle=True)
    assert why in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("name", ["a.ckpt", "a.pt", "a.PTH", "a.bin"])
def test_a_pickle_is_refused_with_the_reason_unless_it_is_allowed(tmp_path: Path, name: str) -> None:
    path = file(tmp_path, b"\x80\x04.", name)
    with pytest.raises(ModelRefusedError, match="can run any code"):
        check_model(path, allow_pickle=False)
    assert check_model(path, allow_pickle=True) == 3


def test_an_empty_pickle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefusedError, match="is empty"):
        check_model(file(tmp_path, b"", "a.ckpt"), allow_pickle=True)


def test_a_file_without_a_known_ending_is_told_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(BadRequestOptionError, match="the ending that it was published with"):
        check_model(file(tmp_path, b"x", "model"), allow_pickle=True)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRequestOptionError, match=r"gone\.safetensors is not a file"):
        check_model(tmp_path / "gone.safetensors", allow_pickle=False)
