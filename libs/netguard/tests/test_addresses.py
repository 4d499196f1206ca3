from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netguard import is_global_address

PUBLIC_V4 = ["8.8.8.8", "1.1.1.1", "52.216.0.1", "100.63.255.255", "100.128.0.0", "172.32.0.1", "198.20.0.0"]

NOT_PUBLIC_V4 = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",  # CGNAT
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",  # EC2 metadata
    "169.254.170.2",  # ECS credentials
    "169.254.170.23",  # EKS Pod Identity
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",  # documentation
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",  # documentation
    "203.0.113.1",  # documentation
    "224.0.0.1",  # multicast
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",  # broadcast
]

PUBLIC_V6 = ["2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001::200e", "2620:4f:8000::1"]

NOT_PUBLIC_V6 = [
    "::",
    "::1",
    "fd00:ec2::254",  # EC2 metadata
    "fd00:ec2::23",  # EKS Pod Identity
    "fc00::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",  # multicast
    "ff0e::1",  # global multicast
    "100::1",  # discard
    "2001:db8::1",  # documentation
    "3fff::1",  # documentation
    "2001:2::1",  # benchmarks
    "2001:10::1",  # ORCHID
    "5f00::1",  # segment routing
    "64:ff9b:1::8.8.8.8",  # local NAT64: where the IPv4 address sits is the operator's choice
    "64:ff9b:1:a9fe:a9:fe00:0:0",
    "64:ff9b:0:1::8.8.8.8",  # beyond the /96 of NAT64
    "4000::1",  # not given out
]

TEREDO_SERVER = "8.8.4.4"


def mapped(address: str) -> str:
    return f"::ffff:{address}"


def translated(address: str) -> str:
    return f"::ffff:0:{address}"


def compatible(address: str) -> str:
    return f"::{address}"


def nat64(address: str) -> str:
    return f"64:ff9b::{address}"


def six_to_four(address: str) -> str:
    return str(IPv6Address((0x2002 << 112) | (int(IPv4Address(address)) << 80) | 1))


def teredo_client(address: str, server: str = TEREDO_SERVER) -> str:
    inverted = int(IPv4Address(address)) ^ 0xFFFFFFFF
    return str(IPv6Address((0x20010000 << 96) | (int(IPv4Address(server)) << 64) | (0x8000 << 48) | inverted))


def teredo_server(address: str) -> str:
    return teredo_client(PUBLIC_V4[0], server=address)


type Wrap = Callable[[str], str]

WRAPPINGS = [mapped, translated, compatible, nat64, six_to_four, teredo_client, teredo_server]


@pytest.mark.parametrize("address", PUBLIC_V4 + PUBLIC_V6)
def test_public_addresses_are_global(address: str) -> None:
    assert is_global_address(address)
    assert is_global_address(ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC_V4 + NOT_PUBLIC_V6)
def test_special_addresses_are_not_global(address: str) -> None:
    assert not is_global_address(address)
    assert not is_global_address(ip_address(address))


@pytest.mark.parametrize("wrap", WRAPPINGS)
@pytest.mark.parametrize("address", NOT_PUBLIC_V4)
def test_no_wrapping_makes_a_special_address_global(wrap: Wrap, address: str) -> None:
    assert not is_global_address(wrap(address))


@pytest.mark.parametrize("wrap", WRAPPINGS)
@pytest.mark.parametrize("address", PUBLIC_V4)
def test_a_wrapped_public_address_is_global(wrap: Wrap, address: str) -> None:
    assert is_global_address(wrap(address))


@pytest.mark.parametrize("address", ["fe80::1%eth0", "2606:4700::1111%eth0", "fd00:ec2::254%1", "::1%lo"])
def test_an_address_with_a_zone_is_never_global(address: str) -> None:
    assert not is_global_address(address)


@pytest.mark.parametrize("text", ["", "localhost", "127.1", "0x7f.1", "2130706433", "8.8.8.8/32", "[::1]"])
def test_what_is_no_address_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):
        is_global_address(text)


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_of_ipv4_nothing_is_global_that_python_calls_private(address: IPv4Address) -> None:
    anycast = IPv4Network("192.0.0.0/24")  # Python lets two of its addresses through, this table none
    if address not in anycast and (not address.is_global or address.is_multicast):
        assert not is_global_address(address)


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_every_wrapping_is_as_public_as_what_it_wraps(address: IPv4Address) -> None:
    verdicts = {is_global_address(wrap(str(address))) for wrap in WRAPPINGS}
    assert verdicts == {is_global_address(address)}


@settings(deadline=None)
@given(st.ip_addresses(v=6))
def test_of_ipv6_only_global_unicast_and_wrapped_addresses_are_global(address: IPv6Address) -> None:
    wrapped = int(address) >> 48 == 0 or int(address) >> 32 == 0x64FF9B << 64
    if is_global_address(address) and not wrapped:
        assert int(address) >> 125 == 1


@pytest.mark.parametrize(
    ("address", "public"),
    [("2001:1ff:ffff::1", False), ("2001:200::1", True), ("3fff:fff:ffff::1", False), ("3fff:1000::1", True)],
)
def test_networks_end_where_the_registries_say(address: str, public: bool) -> None:
    assert is_global_address(address) is public
