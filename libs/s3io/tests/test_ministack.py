"""What only a server shows: conditional puts over the wire, S3's own errors, and requests that come twice."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ministack_testing import client, ministack_url
from s3io.claimcheck import ClaimCheck
from s3io.errors import ClaimMissingError, InputUnreachableError, KeyTakenError
from s3io.inputs import InputFetcher
from s3io.outputs import answer_key, delete_all, new_suffix, output_key, put_new

SUBMISSION = "6e1b7f0e-9d9f-4d0e-8a3e-0f2f5a4c1b2d"


@pytest.fixture(scope="module")
def real_s3() -> Iterator[Any]:
    with ministack_url() as url:
        s3 = client("s3", url)
        s3.create_bucket(Bucket="outputs")
        yield s3


def test_of_many_threads_that_want_one_key_exactly_one_gets_it(real_s3: Any) -> None:
    def attempt(n: int) -> bytes | None:
        try:
            put_new(real_s3, "outputs", "race", b"%d" % n, "image/png")
        except KeyTakenError:
            return None
        return b"%d" % n

    with ThreadPoolExecutor(8) as pool:
        winners = [won for won in pool.map(attempt, range(16)) if won is not None]
    assert winners == [real_s3.get_object(Bucket="outputs", Key="race")["Body"].read()]


def test_a_put_that_is_sent_twice_meets_itself_and_is_fine(real_s3: Any) -> None:
    class Twice:
        """What an SDK does whose first answer was lost."""

        def put_object(self, **arguments: Any) -> Any:
            real_s3.put_object(**arguments)
            return real_s3.put_object(**arguments)

        def head_object(self, **arguments: Any) -> Any:
            return real_s3.head_object(**arguments)

    assert put_new(Twice(), "outputs", "twice", b"data", "image/png") == "s3://outputs/twice"


def test_outputs_are_stored_and_deleted(real_s3: Any) -> None:
    suffix = new_suffix()
    keys = [
        output_key("folder/\u00fc", "x", suffix, 1, "png"),
        answer_key("folder/\u00fc", "x", suffix),
    ]
    for key in keys:
        put_new(real_s3, "outputs", key, b"data", "image/png")
    found = real_s3.list_objects_v2(Bucket="outputs", Prefix="folder/")["Contents"]
    assert sorted(item["Key"] for item in found) == sorted(keys)
    assert delete_all(real_s3, "outputs", [*keys, "never stored"]) == []
    assert real_s3.list_objects_v2(Bucket="outputs", Prefix="folder/")["KeyCount"] == 0


def test_a_claim_comes_back(real_s3: Any) -> None:
    claims = ClaimCheck(real_s3, "outputs")
    value = {"image": "a" * 300_000}
    assert claims.get(claims.put(SUBMISSION, "content", value), submission=SUBMISSION, limit=1 << 20) == value
    with pytest.raises(ClaimMissingError):
        claims.get(f"s3://outputs/tasks/{SUBMISSION}/other.json", submission=SUBMISSION, limit=1 << 20)


async def test_an_input_is_fetched_or_does_not_exist(real_s3: Any) -> None:
    real_s3.put_object(Bucket="outputs", Key="inputs/a.bin", Body=b"bytes")
    async with InputFetcher(s3_client=real_s3, s3_allowed=["outputs/inputs"]) as inputs:
        assert (await inputs.fetch("s3://outputs/inputs/a.bin")).data == b"bytes"
        with pytest.raises(InputUnreachableError, match="does not exist"):
            await inputs.fetch("s3://outputs/inputs/b.bin")
