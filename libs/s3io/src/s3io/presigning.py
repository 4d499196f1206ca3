"""Presigned URLs: whoever has one may fetch, or send, one very object for a while, without credentials.

This module must stay light: the validator's Lambda imports it, and neither httpx nor Pillow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from botocore.config import Config

#: Longest life of a link to fetch an object by, in seconds (DESIGN 4.1).
MAX_LIFE = 3600
#: Of one that was signed with passing credentials that do not say when they end, as Lambda's own do not; and
#: longest life of one to send an object by.
SHORT_LIFE = 900
# What tells the SDK of an emulator or another endpoint; such ones are reached by path, not by host name.
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")


@dataclass(frozen=True, slots=True)
class PresignedPut:
    """A request that sends one object: to `url`, with these very headers, before `expires_at`."""

    url: str
    headers: Mapping[str, str]
    expires_at: datetime


def signing_config(config: Config, env: Mapping[str, str]) -> Config:
    """Return the settings of an S3 client whose links work everywhere.

    SigV4 at the region's own endpoint; the bucket is in the path where the environment names an endpoint.

    Args:
        config: time limits and the like.
        env: the environment.
    """
    style = "path" if any(env.get(name) for name in _ENDPOINTS) else "virtual"
    s3 = {"addressing_style": style, "us_east_1_regional_endpoint": "regional"}
    return config.merge(Config(signature_version="s3v4", s3=s3))


class Presigner:
    """Presigns with SigV4; a link never outlives the credentials that signed it.

    Args:
        make_client: of S3, called when the first link is made.
        credentials: botocore's, the client's own.
        clock: ms since the epoch, UTC.
    """

    def __init__(self, make_client: Callable[[], Any], credentials: Any, clock: Callable[[], int]) -> None:
        self._make_client = make_client
        self._credentials = credentials
        self._clock = clock

    @cached_property
    def _client(self) -> Any:
        return self._make_client()

    def to(self, s3_url: str) -> str:
        """Return a URL to fetch an object by; nobody looks whether it is there."""
        bucket, _, key = s3_url.removeprefix("s3://").partition("/")
        url: str = self._client.generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=self._life(MAX_LIFE)
        )
        return url

    def put(self, bucket: str, key: str, *, size: int, content_type: str | None = None) -> PresignedPut:
        """Return a request that sends an object of this very size, and type where one is named.

        Both are part of what is signed, so that S3 refuses any other. Who has the URL may send again, in the
        object's place, until it expires.
        """
        given: dict[str, Any] = {"Bucket": bucket, "Key": key, "ContentLength": size}
        headers = {"content-length": str(size)}
        if content_type is not None:
            given["ContentType"] = headers["content-type"] = content_type
        signed_at = datetime.fromtimestamp(self._clock() // 1000, UTC)
        life = self._life(SHORT_LIFE)
        url: str = self._client.generate_presigned_url("put_object", Params=given, ExpiresIn=life)
        return PresignedPut(url, headers, signed_at + timedelta(seconds=life))

    def _life(self, longest: int) -> int:
        # Where they can be renewed, this does it, if it is time to.
        frozen = self._credentials.get_frozen_credentials()
        ends: datetime | None = getattr(self._credentials, "_expiry_time", None)
        if ends is not None:
            left = ends - datetime.fromtimestamp(self._clock() / 1000, UTC)
            return max(1, min(longest, int(left.total_seconds())))
        return longest if frozen.token is None else min(longest, SHORT_LIFE)
