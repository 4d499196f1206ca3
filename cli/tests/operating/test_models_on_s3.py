"""Uploading to an emulator of S3: parts, checksums, what is there already, what an interruption leaves."""

import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from darkroom_cli.errors import BadRequestOptionError
from darkroom_cli.operating.errors import AwsError, ModelRefusedError
from darkroom_cli.operating.models import listing, sending
from darkroom_cli.operating.models.bucket import Bucket, find_bucket
from darkroom_cli.operating.models.sending import Sending, send
from darkroom_cli.operating.models.upload import plan, upload
from local.environment import this_python
from local.home import HOME_ENV, Home
from ministack_testing import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, client

PART = 1 << 20  # bytes; below the 5 MiB that S3 asks for, which the emulator does not


@pytest.fixture
def bucket(emulator: str, request: pytest.FixtureRequest) -> Bucket:
    s3 = client("s3", emulator)
    name = f"models-{abs(hash(request.node.name)) % 10**9}"
    s3.create_bucket(Bucket=name)
    return Bucket(name, s3)


@pytest.fixture
def environ(emulator: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    values = {
        "AWS_ENDPOINT_URL": emulator,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": REGION,
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return {**os.environ, **values}


def model(path: Path, size: int = 2048) -> Path:
    header = json.dumps({"a": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + os.urandom(size))
    return path


def fetched(bucket: Bucket, key: str) -> bytes:
    data: bytes = bucket.s3.get_object(Bucket=bucket.name, Key=key)["Body"].read()
    return data


def unfinished(bucket: Bucket) -> list[Any]:
    found: list[Any] = bucket.s3.list_multipart_uploads(Bucket=bucket.name).get("Uploads", [])
    return found


def keys(bucket: Bucket) -> list[str]:
    return [entry["Key"] for entry in bucket.s3.list_objects_v2(Bucket=bucket.name).get("Contents", [])]


def test_a_model_lands_in_the_folder_of_its_type(bucket: Bucket, tmp_path: Path, spoken: Any) -> None:
    path = model(tmp_path / "style.safetensors")
    upload(plan([path], "lora", allow_pickle=False), bucket, terminal=spoken.terminal)
    assert fetched(bucket, "Lora/style.safetensors") == path.read_bytes()
    assert spoken.out.getvalue() == f"s3://{bucket.name}/Lora/style.safetensors\n"
    assert "pods see it at once" in spoken.err.getvalue()


def test_what_is_there_with_the_same_content_is_not_sent_again(
    bucket: Bucket, tmp_path: Path, spoken: Any
) -> None:
    path = model(tmp_path / "style.safetensors")
    items = plan([path], "ESRGAN", allow_pickle=False)
    upload(items, bucket, terminal=spoken.terminal)
    first = bucket.s3.head_object(Bucket=bucket.name, Key=items[0].key)["LastModified"]
    time.sleep(1.1)  # S3's times are in whole seconds
    upload(items, bucket, terminal=spoken.terminal)
    assert bucket.s3.head_object(Bucket=bucket.name, Key=items[0].key)["LastModified"] == first
    assert "has it already" in spoken.err.getvalue()
    assert spoken.err.getvalue().count("new pods only") == 1


def test_another_content_of_the_same_size_is_sent(bucket: Bucket, tmp_path: Path, spoken: Any) -> None:
    path = model(tmp_path / "style.safetensors")
    upload(plan([path], "Lora", allow_pickle=False), bucket, terminal=spoken.terminal)
    model(path)
    upload(plan([path], "Lora", allow_pickle=False), bucket, terminal=spoken.terminal)
    assert fetched(bucket, "Lora/style.safetensors") == path.read_bytes()


def test_a_large_file_goes_in_parts_and_arrives_whole(bucket: Bucket, tmp_path: Path) -> None:
    path = model(tmp_path / "big.safetensors", 5 * PART + 17)
    told: list[int] = []
    size = path.stat().st_size
    send(Sending(path, size, "big", {"sha256": "x"}, told.append), bucket, part=PART)
    assert fetched(bucket, "big") == path.read_bytes()
    assert (sum(told), len(told)) == (size, 6)
    assert bucket.s3.head_object(Bucket=bucket.name, Key="big")["Metadata"] == {"sha256": "x"}
    assert unfinished(bucket) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("the disk is gone")], ids=["Ctrl-C", "disk"])
def test_an_upload_that_is_cut_off_leaves_nothing(
    bucket: Bucket, tmp_path: Path, error: BaseException
) -> None:
    path = model(tmp_path / "big.safetensors", 8 * PART)
    count = 0
    lock = threading.Lock()

    def cut_off(_: int) -> None:
        nonlocal count
        with lock:
            count += 1
            if count == 3:
                raise error

    with pytest.raises(type(error)):
        send(Sending(path, path.stat().st_size, "big", {}, cut_off), bucket, part=PART)
    assert (unfinished(bucket), keys(bucket)) == ([], [])


def test_a_file_that_is_cut_off_while_it_is_sent_does_not_arrive(bucket: Bucket, tmp_path: Path) -> None:
    path = model(tmp_path / "big.safetensors", 8 * PART)
    size = path.stat().st_size
    os.truncate(path, 6 * PART + 5)
    with pytest.raises(ModelRefusedError, match="became shorter while it was sent"):
        send(Sending(path, size, "big", {}), bucket, part=PART)
    assert (unfinished(bucket), keys(bucket)) == ([], [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_ended_by_a_signal_leaves_nothing(
    bucket: Bucket, environ: dict[str, str], tmp_path: Path, number: int
) -> None:
    path = model(tmp_path / "big.safetensors", 96 * PART)
    process = subprocess.Popen(
        [sys.executable, "-m", "darkroom_cli", "models", "upload", str(path), "-t", "VAE", "-b", bucket.name],
        env={**environ, **this_python(environ), HOME_ENV: str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not unfinished(bucket) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert (unfinished(bucket), keys(bucket)) == ([], [])


def test_nothing_is_sent_where_one_file_is_bad(tmp_path: Path) -> None:
    good = model(tmp_path / "a.safetensors")
    bad = tmp_path / "b.ckpt"
    bad.write_bytes(b"x")
    with pytest.raises(ModelRefusedError, match="Python pickle"):
        plan([good, bad], "Lora", allow_pickle=False)


def test_an_unknown_type_and_a_name_twice_are_refused(tmp_path: Path) -> None:
    path = model(tmp_path / "a.safetensors")
    with pytest.raises(BadRequestOptionError, match="none of Stable-diffusion, Lora"):
        plan([path], "lorax", allow_pickle=False)
    with pytest.raises(BadRequestOptionError, match="two files would become Lora/a"):
        plan([path, path], "Lora", allow_pickle=False)


def test_the_bucket_is_the_one_of_the_configuration(
    bucket: Bucket, environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text(f"modelBucketArn: arn:aws:s3:::{bucket.name}\n")
    assert find_bucket(None, None, home=Home(tmp_path), environ=environ).name == bucket.name


@pytest.mark.parametrize(
    ("config", "why"),
    [(None, "no .*config.yaml"), ("stackName: a", "is no bucket's ARN"), ("a: [", "cannot be read")],
)
def test_a_bucket_that_nobody_names_is_asked_for(
    environ: dict[str, str], tmp_path: Path, config: str | None, why: str
) -> None:
    if config is not None:
        (tmp_path / "config.yaml").write_text(config)
    with pytest.raises(BadRequestOptionError, match=why):
        find_bucket(None, None, home=Home(tmp_path), environ=environ)


def test_a_bucket_that_is_not_there_is_told(environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(BadRequestOptionError, match="there is no bucket nowhere-at-all"):
        find_bucket("nowhere-at-all", None, home=Home(tmp_path), environ=environ)


def test_a_bucket_that_goes_meanwhile_is_an_error_with_its_name(
    bucket: Bucket, tmp_path: Path, spoken: Any
) -> None:
    gone = Bucket("gone-by-now", bucket.s3)
    items = plan([model(tmp_path / "a.safetensors")], "Lora", allow_pickle=False)
    with pytest.raises(AwsError, match="s3://gone-by-now/Lora"):
        upload(items, gone, terminal=spoken.terminal, force=True)


def test_models_are_listed_with_what_is_odd_about_them(bucket: Bucket, spoken: Any) -> None:
    for key in ("Lora/a.safetensors", "Lora/sub/b.safetensors", "stray.ckpt", "VAE/"):
        bucket.s3.put_object(Bucket=bucket.name, Key=key, Body=b"x" * 2048)
    listing.show(bucket, terminal=spoken.terminal)
    shown = [line.split()[:4] for line in spoken.out.getvalue().splitlines()[1:]]
    assert shown == [
        ["-", "stray.ckpt", "2.0", "KiB"],
        ["Lora", "a.safetensors", "2.0", "KiB"],
        ["Lora", "sub/b.safetensors", "2.0", "KiB"],
    ]
    assert "no checkpoint is in Stable-diffusion/" in spoken.err.getvalue()
    assert "stray.ckpt: in no folder" in spoken.err.getvalue()


def test_models_as_json_can_be_of_one_type(bucket: Bucket, spoken: Any) -> None:
    for key in ("Lora/a.safetensors", "VAE/b.safetensors"):
        bucket.s3.put_object(Bucket=bucket.name, Key=key, Body=b"x")
    listing.show(bucket, terminal=spoken.terminal, type_="vae", as_json=True)
    [shown] = json.loads(spoken.out.getvalue())
    assert (shown["type"], shown["name"], shown["size"]) == ("VAE", "b.safetensors", 1)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (4 << 30, "4.00 GiB"), (5 << 40, "5120.00 GiB")],
)
def test_sizes_are_told_as_people_read_them(count: int, text: str) -> None:
    assert listing.size(count) == text


def test_parts_grow_with_the_file_so_that_s3_takes_their_number() -> None:
    largest = 5 << 40  # bytes that an object may have
    assert -(-largest // max(sending.PART, -(-largest // sending.MOST_PARTS))) <= sending.MOST_PARTS
