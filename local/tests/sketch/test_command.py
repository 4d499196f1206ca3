import asyncio
import os
import signal
import sys

import httpx
import pytest

from local.sketch.__main__ import arguments, settings_of


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("runtime", "health"), [("sdwebui", "/sdapi/v1/memory"), ("comfyui", "/system_stats")]
)
async def test_the_command_says_when_it_is_ready_and_ends_on_a_signal(
    runtime: str, health: str, number: signal.Signals
) -> None:
    command = [
        sys.executable,
        "-m",
        "local.sketch",
        runtime,
        "--port",
        "0",
        "--models",
        "a.safetensors,b.safetensors",
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=environment)
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
        assert line.startswith("ready http://127.0.0.1:")
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.get(line.split()[1] + health)).status_code == 200
        process.send_signal(number)
        out, err = await asyncio.wait_for(process.communicate(), 10)
        assert (process.returncode, out, err) == (0, b"", b"")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_the_command_line_becomes_settings() -> None:
    words = "comfyui --seconds-per-image 2 --no-paint --models x.safetensors --history-delay 0.1 --previews"
    settings = settings_of(arguments(words.split()))
    assert settings.models == ("x.safetensors",)
    assert (settings.seconds_per_image, settings.paint, settings.history_delay) == (2, False, 0.1)
    assert settings.previews


def test_an_unknown_runtime_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        arguments(["nonsense"])
    assert ended.value.code == 2
    assert "invalid choice" in capsys.readouterr().err
