import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3io.errors import KeyTakenError
from s3io.outputs import answer_key, delete_all, new_suffix, output_key, put_new


def body(s3: Any, key: str) -> bytes:
    data: bytes = s3.get_object(Bucket="bucket", Key=key)["Body"].read()
    return data


def refusal(status: int, code: str) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutObject")


class Flaky:
    """S3 that answers puts with prepared errors first; with `stores` the put works nevertheless."""

    def __init__(self, s3: Any, *errors: ClientError, stores: bool = False) -> None:
        self._s3 = s3
        self.errors = list(errors)
        self._stores = stores
        self.puts = 0

    def put_object(self, **arguments: Any) -> Any:
        self.puts += 1
        if self.errors:
            if self._stores:
                self._s3.put_object(**arguments)
            raise self.errors.pop(0)
        return self._s3.put_object(**arguments)

    def head_object(self, **arguments: Any) -> Any:
        return self._s3.head_object(**arguments)


def test_keys_are_as_the_guide_says() -> None:
    assert output_key("output", "test-t2i", "abcd", 1, "png") == "output/test-t2i/test-t2i-abcd-1.png"
    assert output_key("a/b", "x", "0z9y", 12, ".webp") == "a/b/x/x-0z9y-12.webp"
    assert answer_key("output", "test-t2i", "abcd") == "output/test-t2i/test-t2i-abcd.out"
    assert output_key("", "x", "abcd", 1, "png") == "x/x-abcd-1.png"


def test_outputs_are_numbered_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        output_key("output", "x", "abcd", 0, "png")


def test_suffixes_are_four_small_letters_or_digits_and_differ() -> None:
    suffixes = [new_suffix() for _ in range(200)]
    assert all(re.fullmatch(r"[a-z0-9]{4}", suffix) for suffix in suffixes)
    assert len(set(suffixes)) > 190


def test_a_new_object_is_stored_with_its_type(s3: Any) -> None:
    url = put_new(s3, "bucket", "output/x/x-abcd-1.png", b"png", "image/png")
    assert url == "s3://bucket/output/x/x-abcd-1.png"
    assert body(s3, "output/x/x-abcd-1.png") == b"png"
    assert s3.head_object(Bucket="bucket", Key="output/x/x-abcd-1.png")["ContentType"] == "image/png"


def test_an_object_that_exists_is_left_as_it_is(s3: Any) -> None:
    put_new(s3, "bucket", "key", b"first", "image/png")
    with pytest.raises(KeyTakenError, match="s3://bucket/key exists already") as caught:
        put_new(s3, "bucket", "key", b"second", "image/png")
    assert (caught.value.bucket, caught.value.key) == ("bucket", "key")
    assert body(s3, "key") == b"first"


def test_the_same_bytes_of_another_attempt_are_another_object(s3: Any) -> None:
    put_new(s3, "bucket", "key", b"same", "image/png")
    with pytest.raises(KeyTakenError):
        put_new(s3, "bucket", "key", b"same", "image/png")


def test_a_put_that_meets_another_under_way_is_sent_again(s3: Any) -> None:
    flaky = Flaky(s3, *[refusal(409, "ConditionalRequestConflict")] * 2)
    put_new(flaky, "bucket", "key", b"data", "image/png")
    assert body(s3, "key") == b"data"
    assert flaky.puts == 3


def test_a_conflict_that_does_not_end_is_given_up(s3: Any) -> None:
    flaky = Flaky(s3, *[refusal(409, "ConditionalRequestConflict")] * 100)
    with pytest.raises(ClientError, match="ConditionalRequestConflict"):
        put_new(flaky, "bucket", "key", b"data", "image/png")
    assert flaky.puts == 5


def test_a_put_that_worked_though_its_answer_was_lost_is_recognised(s3: Any) -> None:
    # What the SDK's own retry gets to see: the second put meets the object of the first.
    flaky = Flaky(s3, refusal(412, "PreconditionFailed"), stores=True)
    assert put_new(flaky, "bucket", "key", b"data", "image/png") == "s3://bucket/key"
    assert body(s3, "key") == b"data"


def test_who_may_not_look_at_what_is_there_takes_it_for_taken() -> None:
    class Blind:
        def put_object(self, **_: Any) -> None:
            raise refusal(412, "PreconditionFailed")

        def head_object(self, **_: Any) -> None:
            raise refusal(403, "AccessDenied")

    with pytest.raises(KeyTakenError):
        put_new(Blind(), "bucket", "key", b"data", "image/png")


@pytest.mark.parametrize(
    ("status", "code"), [(403, "AccessDenied"), (404, "NoSuchBucket"), (503, "SlowDown")]
)
def test_other_errors_are_the_callers(s3: Any, status: int, code: str) -> None:
    flaky = Flaky(s3, refusal(status, code))
    with pytest.raises(ClientError, match=code):
        put_new(flaky, "bucket", "key", b"data", "image/png")
    assert flaky.puts == 1


def test_of_many_threads_that_want_one_key_exactly_one_gets_it(s3: Any) -> None:
    def attempt(n: int) -> bytes | None:
        data = b"%d" % n
        try:
            put_new(s3, "bucket", "key", data, "image/png")
        except KeyTakenError:
            return None
        return data

    with ThreadPoolExecutor(8) as pool:
        winners = [won for won in pool.map(attempt, range(16)) if won is not None]
    assert winners == [body(s3, "key")]


def test_what_an_attempt_stored_is_deleted_and_nothing_else(s3: Any) -> None:
    for key in ("a", "b", "keep"):
        put_new(s3, "bucket", key, b"data", "image/png")
    assert delete_all(s3, "bucket", ["a", "b", "never stored"]) == []
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="bucket")["Contents"]] == ["keep"]


def test_nothing_to_delete_asks_for_nothing() -> None:
    assert delete_all(None, "bucket", []) == []


def test_keys_go_in_batches_and_those_that_stay_are_named() -> None:
    batches: list[list[str]] = []

    class Stubborn:
        def delete_objects(self, *, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's
            keys = [each["Key"] for each in Delete["Objects"]]
            batches.append(keys)
            return {"Errors": [{"Key": keys[0], "Code": "AccessDenied"}]}

    keys = [f"key-{n}" for n in range(2500)]
    assert delete_all(Stubborn(), "bucket", keys) == ["key-0", "key-1000", "key-2000"]
    assert [len(batch) for batch in batches] == [1000, 1000, 500]
    assert [key for batch in batches for key in batch] == keys
