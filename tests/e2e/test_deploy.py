"""A bare `./darkroom deploy --dry-run` against the emulator: every step is looked at, nothing is made."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from local.artifacts import INFRA_ENV
from local.environment import base_python, this_python
from ministack_testing import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, client, ministack_url
from tests.e2e.running import ZIP_FILES

STEPS = 10
TIMEOUT = 400.0  # seconds; synthesising all stacks takes most of it


def _repository(root: Path) -> dict[str, str]:
    """Make what deploying looks for in a repository, and return the environment that names the rest."""
    version = root / "services" / "queue-agent" / "VERSION"
    version.parent.mkdir(parents=True)
    version.write_text(Path("services/queue-agent/VERSION").read_text())
    named: dict[str, str] = {
        "DARKROOM_HOME": str(root),
        "DARKROOM_CHART": str(Path("charts/sd-on-eks").absolute()),
    }
    for variable, pattern in ZIP_FILES.items():
        named[variable] = os.environ.get(variable) or str(max(Path.cwd().glob(pattern)).absolute())
    infra = os.environ.get(INFRA_ENV)
    pex = "" if infra else str(max(Path.cwd().glob("infra-[0-9]*.pex")).absolute())
    named[INFRA_ENV] = infra or shlex.join((base_python(), pex))
    return named


def _inventory(url: str) -> dict[str, Any]:
    """Return what there is in the emulator of the kinds of things that deploying makes."""
    return {
        "buckets": [one["Name"] for one in client("s3", url).list_buckets()["Buckets"]],
        "roles": [one["RoleName"] for one in client("iam", url).list_roles()["Roles"]],
        "repositories": client("ecr", url).describe_repositories()["repositories"],
        "stacks": client("cloudformation", url).describe_stacks()["Stacks"],
        "parameters": client("ssm", url).describe_parameters()["Parameters"],
        "topics": client("sns", url).list_topics().get("Topics", []),
        "queues": client("sqs", url).list_queues().get("QueueUrls", []),
    }


def _deploy(root: Path, url: str, *options: str) -> subprocess.CompletedProcess[str]:
    env = this_python(os.environ) | _repository(root)
    env |= {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "COLUMNS": "200",
    }
    command = [sys.executable, "-m", "darkroom_cli", "deploy", *options]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=TIMEOUT, check=False)


def test_a_bare_dry_run_goes_through_every_step_and_leaves_a_file_that_synthesises(tmp_path: Path) -> None:
    with ministack_url() as url:
        s3 = client("s3", url)
        account = client("sts", url).get_caller_identity()["Account"]
        # As an interrupted deployment would have left it: no checkpoint has to come from the web.
        bucket = f"sdoneks-models-{account}-{REGION}"
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="Stable-diffusion/v1-5-pruned-emaonly.safetensors", Body=b"model")
        before = _inventory(url)
        ended = _deploy(tmp_path, url, "--dry-run")
        assert ended.returncode == 0, ended.stderr
        assert _inventory(url) == before
    lines = [line.split() for line in ended.stderr.splitlines()]
    steps = [int(line[1]) for line in lines if line[:1] in (["+"], ["✓"]) and line[1].isdigit()]
    assert steps == list(range(1, STEPS + 1))
    config = tmp_path / "config.yaml"
    assert yaml.safe_load(config.read_text())["modelBucketArn"] == f"arn:aws:s3:::{bucket}"
    # The dry run has synthesised just this file before it was written.
    synthesised = tmp_path / ".darkroom" / "deploy" / "check"
    assert (synthesised.with_suffix(".yaml")).read_text() == config.read_text()
    for stack in ("sdoneksStack", "sdoneksClusterStack", "sdoneksRuntime-sdruntime"):
        assert (synthesised / f"{stack}.template.json").is_file()
