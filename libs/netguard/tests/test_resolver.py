import asyncio
import socket

import pytest

from netguard import HostUnresolvedError, SyncSystemResolver, SystemResolver
from netguard import resolver as resolving


@pytest.mark.parametrize(("number", "temporary"), [(socket.EAI_AGAIN, True), (socket.EAI_NONAME, False)])
def test_a_resolver_that_is_out_of_order_is_told_from_a_name_that_does_not_exist(
    number: int, temporary: bool
) -> None:
    error = resolving._unresolved("example.org", socket.gaierror(number, "reason"))
    assert error.temporary is temporary


def test_both_resolvers_answer_the_same_and_each_address_once() -> None:
    answer = SyncSystemResolver().resolve("127.0.0.1", 80)
    assert answer == ("127.0.0.1",)
    assert asyncio.run(SystemResolver().resolve("127.0.0.1", 80)) == answer


def test_a_name_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(HostUnresolvedError):
        SyncSystemResolver().resolve("a" * 64 + ".test", 80)  # too long to ask for
