import io
from pathlib import Path

import pytest

from darkroom_client import (
    ApiError,
    AsyncDarkroom,
    BadArgumentError,
    Darkroom,
    NoAnswerError,
    UploadError,
)
from darkroom_client.sources import Source
from darkroom_client.testing import Say, Seen, Server, refusal, upload

REFERENCE = "upload://5f0c6a3e-0000-4000-8000-000000000001"
DATA = b"a picture"


@pytest.fixture(autouse=True)
def store(server: Server) -> list[Say]:
    """Give what the store says, the last one for ever; the API allows each upload."""
    answers = [Say(200, b"")]

    def answer(seen: Seen) -> Say:
        if seen.method == "POST":
            return Say(200, upload(server))
        return answers.pop(0) if len(answers) > 1 else answers[0]

    server.script = answer
    return answers


def test_a_file_is_put_where_the_api_says_and_the_key_stays_with_the_api(
    client: Darkroom, server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(DATA)
    assert client.upload(path) == REFERENCE
    asked, put = server.seen
    assert (asked.path, asked.body) == (
        "/prod/v1alpha2/uploads",
        {"size": len(DATA), "content_type": "image/png"},
    )
    assert (put.method, put.body) == ("PUT", DATA)
    assert (put.headers["content-length"], put.headers["content-type"]) == ("9", "image/png")
    assert "transfer-encoding" not in put.headers
    assert "x-api-key" not in put.headers


def test_bytes_and_open_files_are_uploaded_too(client: Darkroom, server: Server) -> None:
    file = io.BytesIO(b"skipped" + DATA)
    file.seek(7)
    for source in (DATA, memoryview(DATA), file):
        assert client.upload(source, content_type="image/webp") == REFERENCE
    puts = [seen.body for seen in server.seen if seen.method == "PUT"]
    sizes = [seen.body for seen in server.seen if seen.method == "POST"]
    assert puts == [DATA] * 3
    assert sizes == [{"size": 9, "content_type": "image/webp"}] * 3


async def test_it_is_the_same_with_asyncio(server: Server) -> None:
    async with AsyncDarkroom(server.url, "a-key") as client:
        assert await client.upload(DATA) == REFERENCE
    put = server.seen[-1]
    assert (put.body, put.headers["content-length"]) == (DATA, "9")
    assert "transfer-encoding" not in put.headers


def test_a_store_in_trouble_gets_all_of_it_again(client: Darkroom, server: Server, store: list[Say]) -> None:
    store[:] = [Say(503), Say(drop=True), Say(200, b"")]
    assert client.upload(io.BytesIO(DATA)) == REFERENCE
    assert [seen.body for seen in server.seen if seen.method == "PUT"] == [DATA] * 3


@pytest.mark.parametrize("answer", [Say(403, b"<Error/>"), Say(500), Say(drop=True)])
def test_a_store_that_does_not_take_it_is_told_without_the_signature(
    client: Darkroom, store: list[Say], answer: Say
) -> None:
    store[:] = [answer]
    with pytest.raises(UploadError, match=REFERENCE) as caught:
        client.upload(DATA)
    assert "abc" not in str(caught.value)


def test_what_the_api_refuses_is_not_sent(client: Darkroom, server: Server) -> None:
    server.says(Say(400, refusal("bad_value", "size must be at most 33554432 bytes", "size")))
    with pytest.raises(ApiError, match="33554432") as caught:
        client.upload(DATA)
    assert caught.value.field == "size"
    assert server.asked() == ["POST /prod/v1alpha2/uploads"]


def test_an_api_that_is_away_is_told(client: Darkroom, server: Server) -> None:
    server.says(Say(drop=True))
    with pytest.raises(NoAnswerError):
        client.upload(DATA)


def test_what_cannot_be_uploaded_is_refused_before_anything_is_sent(
    client: Darkroom, server: Server, tmp_path: Path
) -> None:
    for source, words in (
        (tmp_path / "none.png", "is not a file"),
        (tmp_path, "is not a file"),
        (b"", "empty"),
        (io.StringIO("text"), "reading bytes"),
    ):
        with pytest.raises(BadArgumentError, match=words):
            client.upload(source)  # type: ignore[arg-type]  # the last one is the mistake
    assert server.seen == []


def test_a_file_that_changes_meanwhile_is_not_sent_in_part(tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(DATA)
    source = Source.of(path)
    path.write_bytes(DATA + DATA)
    with pytest.raises(BadArgumentError, match="changed meanwhile"):
        source.read()
    path.unlink()
    with pytest.raises(BadArgumentError, match="cannot be read"):
        source.read()


def test_the_address_is_in_no_repr(server: Server) -> None:
    from darkroom_client.models import Upload

    assert "abc" not in repr(Upload.model_validate(upload(server)))
