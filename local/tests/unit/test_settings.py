import pytest

from local.errors import BadOptionError
from local.settings import Settings, Timing, parse_runtime

KNOWN = ("sdruntime", "comfyruntime")


def test_a_runtime_is_named_with_its_url() -> None:
    assert parse_runtime("sdruntime=http://127.0.0.1:7860/") == ("sdruntime", "http://127.0.0.1:7860")


def test_a_url_may_have_an_equals_sign() -> None:
    assert parse_runtime("a=http://h/?b=c") == ("a", "http://h/?b=c")


@pytest.mark.parametrize("text", ["", "sdruntime", "sdruntime=", "=http://127.0.0.1"])
def test_what_is_not_name_and_url_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadOptionError, match="NAME=URL, such as"):
        parse_runtime(text)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(runtimes={"other": "http://127.0.0.1:1"}), "there are sdruntime, comfyruntime"),
        (Settings(runtimes={"sdruntime": "127.0.0.1:7860"}), "not a URL such as"),
        (Settings(runtimes={"sdruntime": "ftp://127.0.0.1"}), "not a URL such as"),
        (Settings(otlp="127.0.0.1:4318"), "--otlp.*not a URL such as"),
        (Settings(otlp="http://[::1"), "--otlp.*not a URL such as"),
        (Settings(seconds_per_image=-1), "cannot be negative"),
        (Settings(api_port=70000), "--port.*from 1 to 65535"),
        (Settings(console_port=70000), "--console-port.*from 1 to 65535"),
    ],
)
def test_options_that_do_not_fit_are_refused(settings: Settings, message: str) -> None:
    with pytest.raises(BadOptionError, match=message):
        settings.check(KNOWN)


def test_the_defaults_fit_any_configuration() -> None:
    Settings().check(())
    assert Settings().input_hosts == ("localhost", "127.0.0.0/8", "::1/128")


def test_times_of_agents_come_from_the_environment() -> None:
    timing = Timing.from_environment({"DARKROOM_VISIBILITY_SECONDS": "6", "DARKROOM_BEAT_SECONDS": "1.5"})
    assert timing == Timing(visibility_seconds=6, beat_seconds=1.5)
    assert timing.environment() == {
        "VISIBILITY_SECONDS": "6",
        "BEAT_SECONDS": "1.5",
        "RECEIVE_WAIT_SECONDS": "1",
        "SHUTDOWN_GRACE_SECONDS": "5",
    }


@pytest.mark.parametrize("text", ["soon", "-1", "6.5"])
def test_a_time_that_is_none_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(BadOptionError, match="DARKROOM_VISIBILITY_SECONDS"):
        Timing.from_environment({"DARKROOM_VISIBILITY_SECONDS": text})
