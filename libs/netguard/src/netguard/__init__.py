"""The door through which Darkroom asks for URLs that strangers sent (DESIGN 4.4)."""

from netguard.addresses import is_global_address
from netguard.errors import (
    AddressRefusedError,
    AnswerTooLongError,
    HostUnresolvedError,
    NetguardError,
    RedirectRefusedError,
    TooManyRedirectsError,
    UrlRefusedError,
)
from netguard.following import stream_following
from netguard.guard import AddressGuard
from netguard.resolver import Resolver, SyncResolver, SyncSystemResolver, SystemResolver
from netguard.transport import GuardedTransport, SyncGuardedTransport
from netguard.urls import checked_url, safe_url

__all__ = [
    "AddressGuard",
    "AddressRefusedError",
    "AnswerTooLongError",
    "GuardedTransport",
    "HostUnresolvedError",
    "NetguardError",
    "RedirectRefusedError",
    "Resolver",
    "SyncGuardedTransport",
    "SyncResolver",
    "SyncSystemResolver",
    "SystemResolver",
    "TooManyRedirectsError",
    "UrlRefusedError",
    "checked_url",
    "is_global_address",
    "safe_url",
    "stream_following",
]
