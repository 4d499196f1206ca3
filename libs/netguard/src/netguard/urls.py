import re

import httpx

from netguard.errors import UrlRefusedError

SHOWN_CHARACTERS = 300  # of a URL in a message
LAST_PORT = 65535

# Of `user:pass#word@host` only `user:pass` is left once the fragment is gone: that is no host and port.
_NO_PORT = re.compile(r":[^\]]*[^\]\d][^\]]*$")


def safe_url(url: str | httpx.URL) -> str:
    """Return a URL as it may be shown: without credentials, query and fragment, and not too long.

    All three may hold secrets (basic authentication, presigned requests, tokens).
    """
    # By hand, not by a parser: what no parser understands is shown, too.
    text = str(url).split("#", 1)[0].split("?", 1)[0]
    scheme, separator, rest = text.partition("://")
    if separator:
        authority, slash, path = rest.partition("/")
        host = _NO_PORT.sub("", authority.rpartition("@")[2])
        text = f"{scheme}://{host}{slash}{path}"
    elif scheme[:5].lower() == "data:":
        text = "data:..."
    else:
        text = text.rpartition("@")[2]
    printable = "".join(character if character.isprintable() else "?" for character in text)
    return printable if len(printable) <= SHOWN_CHARACTERS else printable[: SHOWN_CHARACTERS - 3] + "..."


def checked_url(url: str | httpx.URL) -> httpx.URL:
    """Return the parsed URL if it is one that may be asked for at all.

    Credentials in a URL are refused: they would end in logs and be sent to wherever a redirect leads, and
    `http://trusted.example@evil.example/` is made to be misread.

    Raises:
        UrlRefusedError: it is malformed, neither http nor https, without a host or with an impossible
            port, or has credentials.
    """
    try:
        parsed = httpx.URL(url)
        host = parsed.host  # only here an international name is read: IDNA's errors are ValueErrors
    except (httpx.InvalidURL, ValueError) as exc:
        raise UrlRefusedError(f"{safe_url(url)} is not a URL") from exc
    if parsed.scheme not in {"http", "https"}:
        raise UrlRefusedError(f"{safe_url(url)} is neither http nor https")
    if not host:
        raise UrlRefusedError(f"{safe_url(url)} names no host")
    if parsed.port is not None and not 0 < parsed.port <= LAST_PORT:
        raise UrlRefusedError(f"{safe_url(url)} has a port that does not exist")
    if parsed.userinfo:
        raise UrlRefusedError(f"{safe_url(url)} carries a user name or password")
    return parsed
