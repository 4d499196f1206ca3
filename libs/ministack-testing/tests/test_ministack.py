import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ministack_testing import (
    EXECUTABLE_ENV,
    MiniStackNotFoundError,
    MiniStackStartError,
    client,
    ministack_command,
    ministack_url,
)


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return path


def test_the_environment_names_the_executable(tmp_path: Path) -> None:
    executable = script(tmp_path / "ministack", "")
    assert ministack_command({EXECUTABLE_ENV: str(executable)}, tmp_path) == [str(executable)]


def test_the_pex_file_of_the_working_folder_runs_under_this_python(tmp_path: Path) -> None:
    (tmp_path / "ministack.pex").write_text("")
    assert ministack_command({}, tmp_path) == [sys.executable, str(tmp_path / "ministack.pex")]


def test_nothing_to_start_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MiniStackNotFoundError, match="run the test through Pants"):
        ministack_command({}, tmp_path)


def test_an_executable_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MiniStackNotFoundError, match="cannot be executed"):
        ministack_command({EXECUTABLE_ENV: str(tmp_path)}, tmp_path)


def test_a_server_that_ends_at_once_is_an_error_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable = script(tmp_path / "ministack", "raise SystemExit('the port is taken')")
    monkeypatch.setenv(EXECUTABLE_ENV, str(executable))
    with pytest.raises(MiniStackStartError, match="the port is taken"), ministack_url():
        pass


def test_the_server_works_sees_no_foreign_variables_and_is_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with ministack_url() as url:
        s3 = client("s3", url)
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="key", Body=b"hello")
        assert s3.get_object(Bucket="bucket", Key="key")["Body"].read() == b"hello"
        assert client("sqs", url).list_queues().get("QueueUrls", []) == []
    address = urlsplit(url)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port or 0), timeout=1)
