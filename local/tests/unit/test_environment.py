import sys
from pathlib import Path

from local import environment
from local.ministack import client_environment, server_environment

USERS = {
    "PATH": "/bin",
    "HOME": "/home/u",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_ENDPOINT_URL": "http://elsewhere",
    "LOG_LEVEL": "CRITICAL",
    "PYTHONPATH": "/src",
    "HTTP_PROXY": "http://proxy",
}


def test_nothing_of_the_users_aws_settings_reaches_a_child() -> None:
    assert environment.clean(USERS) == {"PATH": "/bin", "HOME": "/home/u"}


def test_our_own_programs_may_run_from_source() -> None:
    assert environment.clean_python(USERS) == {
        "PATH": "/bin",
        "HOME": "/home/u",
        "PYTHONPATH": "/src",
        "PYTHONUNBUFFERED": "1",
    }


def test_a_module_of_ours_finds_what_we_find() -> None:
    found = environment.this_python(USERS)["PYTHONPATH"].split(":")
    assert [str(Path(entry).absolute()) for entry in sys.path if entry] == found


def test_the_emulator_listens_on_loopback_and_shows_functions_no_python_path() -> None:
    env = server_environment(USERS, port=4711, folder=Path("/run/ministack"))
    assert env["BIND_HOST"] == "127.0.0.1"
    assert env["GATEWAY_PORT"] == "4711"
    assert env["TMPDIR"] == "/run/ministack/tmp"
    assert not env.keys() & {"AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "PYTHONPATH", "HTTP_PROXY"}
    assert env["SFTP_ENABLED"] == env["IOT_MTLS_ENABLED"] == "0"


def test_clients_are_told_the_emulators_credentials() -> None:
    env = client_environment("http://127.0.0.1:1")
    assert env["AWS_ENDPOINT_URL"] == "http://127.0.0.1:1"
    assert env["AWS_SECRET_ACCESS_KEY"] == "test"
