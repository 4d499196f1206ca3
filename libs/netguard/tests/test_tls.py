import datetime as dt
import ssl
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from netguard import AddressGuard, AnswerTooLongError, GuardedTransport
from netguard.testing import FakeResolver, response, serve

LIFETIME = dt.timedelta(days=1)
LOOPBACK = AddressGuard(["127.0.0.0/8"])


class Authority:
    """A certificate authority that lives for one test session."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("authority of a test")
        self._certificate = (
            self._builder(self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def client(self) -> ssl.SSLContext:
        pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)

    def trusted(self) -> Path:
        path = self._folder / "authority.pem"
        path.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def server(self, *names: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
        builder = self._builder(_name(names[0]), key).add_extension(alternatives, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        pem = self._folder / f"{names[0]}.pem"
        pem.write_bytes(_private_pem(key) + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - LIFETIME)
            .not_valid_after(now + LIFETIME)
        )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def client_of(authority: Authority, resolver: FakeResolver) -> httpx.AsyncClient:
    transport = GuardedTransport(LOOPBACK, resolver=resolver, ssl_context=authority.client())
    return httpx.AsyncClient(transport=transport)


async def test_host_header_and_tls_name_are_those_of_the_url(authority: Authority) -> None:
    resolver = FakeResolver.of(pictures_test="127.0.0.1")
    async with (
        serve(lambda _: response(b"hello"), tls=authority.server("pictures.test")) as server,
        client_of(authority, resolver) as client,
    ):
        answer = await client.get(f"https://pictures.test:{server.port}/a")
        assert answer.content == b"hello"
        assert server.names == ["pictures.test"]
        assert server.headers("host") == [f"pictures.test:{server.port}"]
        assert resolver.asked == ["pictures.test"]


async def test_the_final_dot_of_a_name_is_no_part_of_its_tls_name(authority: Authority) -> None:
    resolver = FakeResolver({"pictures.test.": [["127.0.0.1"]]})
    async with (
        serve(lambda _: response(b"hello"), tls=authority.server("pictures.test")) as server,
        client_of(authority, resolver) as client,
    ):
        assert (await client.get(f"https://pictures.test.:{server.port}/")).content == b"hello"
        assert server.names == ["pictures.test"]


@pytest.mark.parametrize("certified", ["other.test", "127.0.0.1"])
async def test_a_certificate_for_another_host_or_for_the_address_is_not_accepted(
    authority: Authority, certified: str
) -> None:
    resolver = FakeResolver.of(pictures_test="127.0.0.1")
    async with (
        serve(lambda _: response(b"hello"), tls=authority.server(certified)) as server,
        client_of(authority, resolver) as client,
    ):
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await client.get(f"https://pictures.test:{server.port}/")
        assert server.requests == []


async def test_a_certificate_of_a_stranger_is_not_accepted(authority: Authority) -> None:
    transport = GuardedTransport(LOOPBACK, resolver=FakeResolver.of(pictures_test="127.0.0.1"))
    async with (
        serve(lambda _: response(b"hello"), tls=authority.server("pictures.test")) as server,
        httpx.AsyncClient(transport=transport) as client,
    ):
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await client.get(f"https://pictures.test:{server.port}/")


async def test_whom_the_environment_trusts_does_not_matter(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.trusted()))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    transport = GuardedTransport(LOOPBACK, resolver=FakeResolver.of(pictures_test="127.0.0.1"))
    async with (
        serve(lambda _: response(b"hello"), tls=authority.server("pictures.test")) as server,
        httpx.AsyncClient(transport=transport) as client,
    ):
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await client.get(f"https://pictures.test:{server.port}/")


async def test_of_an_answer_by_tls_no_more_is_read_than_of_another(authority: Authority) -> None:
    most = 4096
    transport = GuardedTransport(
        LOOPBACK,
        resolver=FakeResolver.of(pictures_test="127.0.0.1"),
        ssl_context=authority.client(),
        most_bytes=most,
    )
    answers = [response(b"hello"), response(b"x" * most)]
    async with (
        serve(lambda _: answers.pop(0), tls=authority.server("pictures.test")) as server,
        httpx.AsyncClient(transport=transport) as client,
    ):
        url = f"https://pictures.test:{server.port}/"
        assert (await client.get(url)).content == b"hello"
        with pytest.raises(AnswerTooLongError):
            await client.get(url)
        assert server.names == ["pictures.test"] * 2


async def test_an_address_in_the_url_is_verified_as_an_address(authority: Authority) -> None:
    resolver = FakeResolver({"127.0.0.1": [["127.0.0.1"]]})
    async with (
        serve(lambda _: response(b"hello"), tls=authority.server("127.0.0.1")) as server,
        client_of(authority, resolver) as client,
    ):
        assert (await client.get(f"https://127.0.0.1:{server.port}/")).content == b"hello"


async def test_a_connection_verified_for_one_host_never_serves_another_of_the_same_address(
    authority: Authority,
) -> None:
    resolver = FakeResolver.of(pictures_test="127.0.0.1", other_test="127.0.0.1")
    async with (
        serve(lambda _: response(b"hello"), tls=authority.server("pictures.test"), keep_open=True) as server,
        client_of(authority, resolver) as client,
    ):
        await client.get(f"https://pictures.test:{server.port}/")
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await client.get(f"https://other.test:{server.port}/")
        assert server.names == ["pictures.test", "other.test"]


def test_a_context_that_verifies_nothing_is_an_error() -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    with pytest.raises(ValueError, match="must verify"):
        GuardedTransport(LOOPBACK, ssl_context=context)
