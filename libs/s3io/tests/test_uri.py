import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3io.errors import BadS3UriError, S3IOError
from s3io.uri import S3Uri


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        ("s3://bucket/key", "bucket", "key"),
        ("s3://my.bucket-1/a/b/c.png", "my.bucket-1", "a/b/c.png"),
        ("s3://bucket/a b?c#d%20e", "bucket", "a b?c#d%20e"),
        ("s3://bucket//a//b/", "bucket", "/a//b/"),
        ("s3://bucket/\u00fc/..a/b..", "bucket", "\u00fc/..a/b.."),
    ],
)
def test_an_s3_uri_is_read_as_it_stands(text: str, bucket: str, key: str) -> None:
    assert S3Uri.parse(text) == S3Uri(bucket, key)
    assert str(S3Uri(bucket, key)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bucket/key",
        "S3://bucket/key",
        "s3:/bucket/key",
        "http://bucket/key",
        "s3://bucket",
        "s3://bucket/",
        "s3:///key",
        "s3://b/key",
        "s3://Bucket/key",
        "s3://buc ket/key",
        "s3://user@bucket/key",
        "s3://bucket:80/key",
        "s3://bu..cket/key",
        "s3://" + "b" * 64 + "/key",
        "s3://bucket/a/../b",
        "s3://bucket/../other/key",
        "s3://bucket/./a",
        "s3://bucket/..",
        "s3://bucket/a\nb",
        "s3://bucket/a\x00b",
        "s3://bucket/" + "k" * 1025,
        "s3://bucket/\ud800",
        " s3://bucket/key",
    ],
)
def test_anything_else_is_an_error(text: str) -> None:
    with pytest.raises(BadS3UriError) as caught:
        S3Uri.parse(text)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, S3IOError)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_what_can_be_read_is_written_the_same(rest: str) -> None:
    try:
        uri = S3Uri.parse(f"s3://bucket/{rest}")
    except BadS3UriError:
        return
    assert str(uri) == f"s3://bucket/{rest}"
