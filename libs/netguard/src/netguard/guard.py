from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from netguard.addresses import is_global_address, plain
from netguard.errors import AddressRefusedError


class AddressGuard:
    """Says which addresses a host may have (DESIGN 4.4).

    `allow` lists hosts ("images.internal", any address of which is then good) and addresses or networks in
    CIDR form ("127.0.0.0/8") that may be reached though they are not public. Host names are compared whole
    and without regard to case.

    Raises:
        ValueError: an entry has the shape of a network, but is none, or is no host name.
    """

    def __init__(self, allow: Iterable[str] = ()) -> None:
        hosts: set[str] = set()
        networks: list[IPv4Network | IPv6Network] = []
        for entry in allow:
            network = _network(entry)
            if network is None:
                hosts.add(_normal(entry))
            else:
                networks.append(network)
        self._hosts = frozenset(hosts)
        self._networks = tuple(networks)

    def check(self, host: str, addresses: Sequence[str]) -> None:
        """Return if every one of the addresses of `host` may be connected to.

        Every one: a name with one public and one private address would else be a matter of luck.

        Raises:
            AddressRefusedError: one may not.
        """
        if _normal(host) in self._hosts:
            return
        for address in addresses:
            if not (is_global_address(address) or self._is_allowed(address)):
                raise AddressRefusedError(host, address)

    def _is_allowed(self, address: str) -> bool:
        target = plain(address)
        return any(target in network for network in self._networks)


def _network(entry: str) -> IPv4Network | IPv6Network | None:
    """Return the network that an entry names, none for a host name."""
    try:
        return ip_network(entry)
    except ValueError:
        # A wrong network taken for a host name would silently allow nothing.
        if not entry.strip() or set(entry) & set("/:@ *"):
            raise ValueError(f"{entry!r} is neither a host name nor an address or network") from None
        return None


def _normal(host: str) -> str:
    return host.rstrip(".").lower()
