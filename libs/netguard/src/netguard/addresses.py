"""Which addresses are public.

The tables are this module's own and not `ipaddress.is_global`: that one differs between patch releases of
Python, and 3.12.1 takes 64:ff9b::/96 and 2002::/16 forms of the metadata address for public (DESIGN 4.4).
Source: the IANA registries of special-purpose IPv4 and IPv6 addresses.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

type Address = IPv4Address | IPv6Address

_V4_NOT_PUBLIC = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers (CGNAT); also pods of EKS
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local: the metadata services of EC2 and ECS
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # relays of 6to4, given up
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)

# All public unicast addresses are in here: loopback, unique local, link-local, multicast and the local
# NAT64 prefix 64:ff9b:1::/48 are not. Where in an address of the latter the IPv4 address sits depends on how
# the operator cut the prefix, so it cannot be unwrapped with certainty and is never public.
_V6_UNICAST = IPv6Network("2000::/3")
_V6_NOT_PUBLIC = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
)

_MAPPED = IPv6Network("::ffff:0:0/96")
_TRANSLATED = IPv6Network("::ffff:0:0:0/96")  # SIIT
_COMPATIBLE = IPv6Network("::/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_LOW_32_BITS = (1 << 32) - 1


def is_global_address(address: str | Address) -> bool:
    """Tell whether an address is public, after unwrapping every form that hides an IPv4 address in IPv6.

    IPv4-mapped, IPv4-translated, IPv4-compatible, NAT64 (64:ff9b::/96), 6to4 and Teredo addresses are as
    public as all IPv4 addresses inside them. An address with a zone id is local by meaning.

    Raises:
        ValueError: the text is not an address.
    """
    parsed = ip_address(address) if isinstance(address, str) else address
    if isinstance(parsed, IPv4Address):
        return _is_public_v4(parsed)
    if parsed.scope_id is not None:
        return False
    if inner := embedded(parsed):
        return all(_is_public_v4(each) for each in inner)
    return parsed in _V6_UNICAST and not any(parsed in network for network in _V6_NOT_PUBLIC)


def embedded(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses inside an IPv6 address; Teredo has two: the server and the client."""
    bits = int(address)
    low = IPv4Address(bits & _LOW_32_BITS)
    if any(address in network for network in (_MAPPED, _TRANSLATED, _COMPATIBLE, _NAT64)):
        return (low,)
    if address in _6TO4:
        return (IPv4Address((bits >> 80) & _LOW_32_BITS),)
    if address in _TEREDO:
        return IPv4Address((bits >> 64) & _LOW_32_BITS), IPv4Address(int(low) ^ _LOW_32_BITS)
    return ()


def plain(address: str | Address) -> Address:
    """Return the address that a socket would connect to: IPv4 for an IPv4-mapped one, else itself."""
    parsed = ip_address(address) if isinstance(address, str) else address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def _is_public_v4(address: IPv4Address) -> bool:
    return not any(address in network for network in _V4_NOT_PUBLIC)
