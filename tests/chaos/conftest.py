import pytest

from local.home import Home


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Give one folder to all tests, one after the other: the template is synthesised once."""
    return Home(tmp_path_factory.mktemp("chaos"))
