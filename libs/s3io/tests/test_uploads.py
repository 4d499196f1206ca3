"""Uploads as inputs: `upload://<id>` is an object of one folder of one bucket, and nothing else."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from s3io.errors import InputRefusedError, InputTooLargeError, InputUnreachableError
from s3io.inputs import InputFetcher, InputLimits, is_link

ID = "0b8f9a4e-6c1d-4a57-9d2e-3f0a5b7c1d2e"
REFERENCE = f"upload://{ID}"


class DeniedS3:
    """S3 as it answers for what is not there, to whom may not list the bucket."""

    def get_object(self, **_: str) -> None:
        answer = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
        raise ClientError(answer, "GetObject")


async def test_an_upload_is_fetched_though_no_place_is_allowed(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key=f"uploads/{ID}", Body=b"{}")
    async with InputFetcher(s3_client=s3, uploads="bucket") as inputs:
        assert (await inputs.fetch(REFERENCE)).data == b"{}"


async def test_an_upload_has_the_limits_of_any_input(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key=f"uploads/{ID}", Body=b"12345")
    async with InputFetcher(s3_client=s3, uploads="bucket", limits=InputLimits(max_bytes=4)) as inputs:
        with pytest.raises(InputTooLargeError, match=f"{REFERENCE} has more than 4 bytes"):
            await inputs.fetch(REFERENCE)


@pytest.mark.parametrize("denied", [True, False])
async def test_what_was_never_sent_is_told_as_that(s3: Any, denied: bool) -> None:
    async with InputFetcher(s3_client=DeniedS3() if denied else s3, uploads="bucket") as inputs:
        with pytest.raises(InputUnreachableError, match=f"{REFERENCE} was not uploaded") as told:
            await inputs.fetch(REFERENCE)
    assert not told.value.retryable


@pytest.mark.parametrize(
    "text",
    ["upload://../tasks/x", "upload://", f"{REFERENCE}/x", f"UPLOAD://{ID}", "upload://with spaces"],
)
async def test_what_only_looks_like_an_upload_is_refused_without_asking_s3(text: str) -> None:
    assert is_link(text)
    async with InputFetcher(s3_client=None, uploads="bucket") as inputs:
        with pytest.raises(InputRefusedError, match="upload://<id>"):
            await inputs.fetch(text)


async def test_where_there_are_no_uploads_none_is_fetched() -> None:
    async with InputFetcher(s3_client=None) as inputs:
        with pytest.raises(InputRefusedError, match="no uploads here"):
            await inputs.fetch(REFERENCE)
