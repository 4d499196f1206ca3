import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netguard import NetguardError, UrlRefusedError, checked_url, safe_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.org/a/b.png", "https://example.org/a/b.png"),
        ("https://example.org:8443/a", "https://example.org:8443/a"),
        ("https://example.org/a?X-Amz-Signature=SECRET#SECRET", "https://example.org/a"),
        ("https://user:SECRET@example.org/a", "https://example.org/a"),
        ("https://user:SE@CRET@example.org/a", "https://example.org/a"),
        ("https://user:SECRET#x@example.org/a", "https://user"),
        ("https://user:SECRET?x@example.org/a", "https://user"),
        ("https://[::1]:8443/a", "https://[::1]:8443/a"),
        ("http:\\\\user:SECRET@example.org", "example.org"),
        ("s3://bucket/key?SECRET", "s3://bucket/key"),
        ("data:image/png;base64,SECRET", "data:..."),
        ("DATA:image/png;base64,SECRET", "data:..."),
        ("https://example.org/a\nb", "https://example.org/a?b"),
        ("", ""),
    ],
)
def test_what_is_shown_of_a_url_holds_no_secret(url: str, shown: str) -> None:
    assert safe_url(url) == shown


def test_what_is_shown_of_a_long_url_is_short() -> None:
    shown = safe_url("https://example.org/" + "a" * 5000)
    assert len(shown) == 300
    assert shown.endswith("a...")
    longest = "https://example.org/" + "a" * 280
    assert safe_url(longest) == longest


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.org/a", "neither http nor https"),
        ("file:///etc/passwd", "neither http nor https"),
        ("gopher://example.org/", "neither http nor https"),
        ("/a/b", "neither http nor https"),
        ("", "neither http nor https"),
        ("http:///a", "names no host"),
        ("http:\\\\example.org/", "names no host"),
        ("https://user@example.org/", "carries a user name or password"),
        ("https://user:word@example.org/", "carries a user name or password"),
        ("https://:word@example.org/", "carries a user name or password"),
        ("https://good.example\\@evil.example/", "carries a user name or password"),
        ("https://example.org:0/", "port that does not exist"),
        ("https://example.org:70000/", "port that does not exist"),
        ("https://example.org:port/", "is not a URL"),
        ("https://exa\x00mple.org/", "is not a URL"),
        ("https://[::1/", "is not a URL"),
        ("https://xn--\u00fc.example/", "is not a URL"),
        ("https://xn--a/", "is not a URL"),
        ("https://xn--/", "is not a URL"),
    ],
)
def test_what_must_not_be_asked_for_is_refused_by_its_url(url: str, reason: str) -> None:
    with pytest.raises(UrlRefusedError, match=reason):
        checked_url(url)


def test_a_name_of_another_script_becomes_its_ascii_form() -> None:
    assert checked_url("https://m\u00fcnchen.example/").raw_host == b"xn--mnchen-3ya.example"


@settings(deadline=None)
@given(st.text(max_size=60) | st.from_regex(r"https?://[^/]{0,20}/?.{0,20}", fullmatch=True))
def test_any_text_is_a_url_or_refused_and_can_be_shown(text: str) -> None:
    try:
        url = checked_url(text)
    except NetguardError:
        url = None
    assert url is None or url.host
    assert safe_url(text).isprintable()
