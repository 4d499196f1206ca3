import pytest


@pytest.fixture(autouse=True)
def proxies_that_lead_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads the proxy variables fails each test."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
