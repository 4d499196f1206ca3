import pytest

from netguard import AddressGuard, AddressRefusedError


def passes(guard: AddressGuard, host: str, addresses: list[str]) -> bool:
    try:
        guard.check(host, addresses)
    except AddressRefusedError:
        return False
    return True


def test_a_host_with_public_addresses_passes() -> None:
    assert passes(AddressGuard(), "example.org", ["93.184.215.14", "2606:2800:21f::1"])


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(AddressRefusedError) as caught:
        AddressGuard().check("example.org", ["93.184.215.14", "10.0.0.7"])
    assert caught.value.address == "10.0.0.7"
    assert caught.value.host == "example.org"


def test_the_message_names_the_host_and_not_the_address() -> None:
    with pytest.raises(AddressRefusedError, match=r"^example\.org has an address that is not public$"):
        AddressGuard().check("example.org", ["10.0.0.7"])


@pytest.mark.parametrize("host", ["images.internal", "IMAGES.internal", "images.internal."])
def test_an_allowed_host_may_have_any_address(host: str) -> None:
    assert passes(AddressGuard(["Images.Internal"]), host, ["10.0.0.7", "fd00::1"])


@pytest.mark.parametrize("host", ["evil-images.internal", "x.images.internal", "images.internal.example"])
def test_an_allowed_host_is_compared_whole(host: str) -> None:
    with pytest.raises(AddressRefusedError):
        AddressGuard(["images.internal"]).check(host, ["10.0.0.7"])


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("10.0.0.0/8", "10.9.8.7"),
        ("10.0.0.0/8", "::ffff:10.9.8.7"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("fd00::/8", "fd00::1"),
    ],
)
def test_an_allowed_network_may_be_reached_by_any_name(entry: str, address: str) -> None:
    assert not passes(AddressGuard(), "any.example", [address])
    assert passes(AddressGuard([entry]), "any.example", [address])


@pytest.mark.parametrize("address", ["127.0.0.2", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1", "::1"])
def test_an_allowed_address_allows_no_other(address: str) -> None:
    with pytest.raises(AddressRefusedError):
        AddressGuard(["127.0.0.1"]).check("any.example", [address])


@pytest.mark.parametrize(
    "entry",
    ["", " ", "10.0.0.1/8", "10.0.0.0/33", "http://images.internal", "images.internal:80", "*.internal"],
)
def test_an_entry_that_would_silently_allow_nothing_is_an_error(entry: str) -> None:
    with pytest.raises(ValueError, match="neither a host name nor"):
        AddressGuard([entry])
