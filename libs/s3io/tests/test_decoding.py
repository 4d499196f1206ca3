import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3io.decoding import DecodingError, decoder_of


def decoded(encoding: str, data: bytes, *, limit: int, piece: int = 7) -> bytes:
    decoder = decoder_of(encoding)
    out = b""
    for start in range(0, len(data), piece):
        out += decoder.feed(data[start : start + piece], limit - len(out))
        if len(out) > limit:
            return out
    decoder.finish()
    return out


@settings(deadline=None)
@given(data=st.binary(max_size=500), piece=st.integers(1, 100))
def test_every_encoding_gives_back_the_bytes(data: bytes, piece: int) -> None:
    encoded = {
        "": data,
        "identity": data,
        "gzip": gzip.compress(data),
        "X-GZIP ": gzip.compress(data[:100]) + gzip.compress(data[100:]),
        "deflate": zlib.compress(data),
    }
    for encoding, body in encoded.items():
        if body:
            assert decoded(encoding, body, limit=1000, piece=piece) == data


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_no_more_than_one_byte_beyond_the_limit_comes_out(encoding: str) -> None:
    bomb = b"\x00" * 50_000_000
    body = gzip.compress(bomb) if encoding else bomb
    assert len(decoded(encoding, body, limit=1000, piece=65_536)) == 1001


def test_a_bomb_of_many_members_is_cut_as_well() -> None:
    body = gzip.compress(b"\x00" * 10_000) * 100
    assert len(decoded("gzip", body, limit=25_000, piece=10**6)) == 25_001


def test_padding_after_the_last_member_is_ignored() -> None:
    assert decoded("gzip", gzip.compress(b"data") + b"\x00" * 20, limit=100) == b"data"


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress", "nonsense"])
def test_an_encoding_that_nobody_asked_for_is_an_error(encoding: str) -> None:
    with pytest.raises(DecodingError):
        decoder_of(encoding)


def test_data_that_ends_too_early_is_an_error() -> None:
    with pytest.raises(DecodingError, match="ends in the middle"):
        decoded("gzip", gzip.compress(b"data" * 100)[:-9], limit=1000)


def test_data_that_is_not_compressed_is_an_error() -> None:
    with pytest.raises(DecodingError, match="not the compressed data"):
        decoded("gzip", b"plain text", limit=1000)
