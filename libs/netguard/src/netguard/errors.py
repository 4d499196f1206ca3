"""Errors of the address guard. Messages name the host, or the URL without its query and credentials.

NetguardError
├── UrlRefusedError          not an http(s) URL that may be asked for
├── AddressRefusedError      the host has an address that is not public
├── HostUnresolvedError      the host has no address (`temporary` if asking again may help)
├── RedirectRefusedError     the server sent the client where it must not go
├── TooManyRedirectsError    the chain of redirects is longer than allowed
└── AnswerTooLongError       the server sent more than the caller wants to read
"""


class NetguardError(Exception):
    """Base of all errors of this package."""


class UrlRefusedError(NetguardError):
    """The URL is malformed, has another scheme than http and https, or carries credentials."""


class AddressRefusedError(NetguardError):
    """A host has an address that is neither public nor allowed.

    The address is an attribute and not in the message: the message may reach whoever sent the URL, who need
    not learn how names resolve inside the network.
    """

    def __init__(self, host: str, address: str) -> None:
        super().__init__(f"{host} has an address that is not public")
        self.host = host
        self.address = address


class HostUnresolvedError(NetguardError):
    """A host has no address."""

    def __init__(self, host: str, *, temporary: bool = False) -> None:
        super().__init__(f"{host} cannot be resolved")
        self.host = host
        self.temporary = temporary


class RedirectRefusedError(NetguardError):
    """A redirect leads from https to http, or nowhere."""


class TooManyRedirectsError(NetguardError):
    """A chain of redirects is longer than allowed."""


class AnswerTooLongError(NetguardError):
    """A server sent more than may be read of it: head, interim answers and body together."""

    def __init__(self, most: int) -> None:
        super().__init__(f"the answer has more than {most} bytes")
        self.most = most
