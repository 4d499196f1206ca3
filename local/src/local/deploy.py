"""Gives the emulator the synthesised stack, as `cdk deploy` would, without Node."""

import hashlib
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.clients import Clients
from local.errors import DeployError
from local.synthesis import Assembly

TIMEOUT = 120.0  # seconds until the stack must stand
POLL_INTERVAL = 0.1  # seconds
# The lowest version of the bootstrap stack that templates of today's CDK ask for is below this.
BOOTSTRAP_VERSION = "30"
_BOOTSTRAP_PARAMETER = "BootstrapVersion"
_TEMPLATES = "cdk-templates"  # a bucket of our own: that of the assets may be named otherwise
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_GOOD_ENDS = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


class Deployer:
    """Creates or updates stacks in one emulator."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def deploy(self, assembly: Assembly, stack: str) -> dict[str, str]:
        """Upload the stack's assets, create or update it, wait until it stands; return its outputs.

        Raises:
            DeployError: what failed, with the events that the emulator gave for it.
        """
        try:
            template = assembly.template(stack)
            account = self._clients.client("sts").get_caller_identity()["Account"]
            region = self._clients.client("cloudformation").meta.region_name
            for asset in assembly.assets(stack).values():
                self._upload(assembly.folder, asset, {"AWS::AccountId": account, "AWS::Region": region})
            self._bootstrap(template)
            self._apply(stack, self._put_template(stack, template, f"{_TEMPLATES}-{account}-{region}"))
            return self._outputs(stack)
        except (ClientError, BotoCoreError) as exc:
            raise DeployError(f"the emulator refused a step of deploying {stack}: {exc}") from exc

    def _upload(self, folder: Path, asset: dict[str, Any], names: dict[str, str]) -> None:
        source = asset["source"]
        path = folder / source["path"]
        body = _zipped(path) if source["packaging"] == "zip" else path.read_bytes()
        for destination in asset["destinations"].values():
            self._put(_filled(destination["bucketName"], names), destination["objectKey"], body)

    def _bootstrap(self, template: dict[str, Any]) -> None:
        """Put the parameter that says how new the bootstrap stack is: templates look at it."""
        parameter = template.get("Parameters", {}).get(_BOOTSTRAP_PARAMETER)
        if parameter is not None:
            self._clients.client("ssm").put_parameter(
                Name=parameter["Default"], Value=BOOTSTRAP_VERSION, Type="String", Overwrite=True
            )

    def _put_template(self, stack: str, template: dict[str, Any], bucket: str) -> str:
        """Store the template and return its URL: within a call it may have 51,200 bytes."""
        body = json.dumps(template).encode()
        key = f"{stack}-{hashlib.sha256(body).hexdigest()[:16]}.json"
        self._put(bucket, key, body)
        return f"{self._clients.client('s3').meta.endpoint_url}/{bucket}/{key}"

    def _put(self, bucket: str, key: str, body: bytes) -> None:
        s3 = self._clients.client("s3")
        try:
            s3.head_bucket(Bucket=bucket)
        except ClientError:
            s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=body)

    def _apply(self, stack: str, url: str) -> None:
        cloudformation = self._clients.client("cloudformation")
        arguments = {"StackName": stack, "TemplateURL": url, "Capabilities": _CAPABILITIES}
        if self._status(stack) is None:
            cloudformation.create_stack(**arguments)
        else:
            try:
                cloudformation.update_stack(**arguments)
            except ClientError as exc:
                if "No updates" in str(exc):
                    return
                raise
        deadline = time.monotonic() + TIMEOUT
        while (status := self._status(stack) or "GONE").endswith("_IN_PROGRESS"):
            if time.monotonic() > deadline:
                raise DeployError(f"{stack} is still {status} after {TIMEOUT:g} s")
            time.sleep(POLL_INTERVAL)
        if status not in _GOOD_ENDS:
            raise DeployError(f"{stack} ended as {status}:\n{self._failures(stack)}")

    def _status(self, stack: str) -> str | None:
        try:
            answer = self._clients.client("cloudformation").describe_stacks(StackName=stack)
        except ClientError as exc:
            if "does not exist" in str(exc):
                return None
            raise
        return str(answer["Stacks"][0]["StackStatus"])

    def _failures(self, stack: str) -> str:
        events = self._clients.client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
        failed = [event for event in reversed(events) if "FAILED" in event["ResourceStatus"]]
        return "\n".join(
            f"  {event['LogicalResourceId']} ({event['ResourceType']}):"
            f" {event.get('ResourceStatusReason', event['ResourceStatus'])}"
            for event in failed
        )

    def _outputs(self, stack: str) -> dict[str, str]:
        described = self._clients.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def _filled(name: str, names: dict[str, str]) -> str:
    for placeholder, value in names.items():
        name = name.replace("${" + placeholder + "}", value)
    return name


def _zipped(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(f for f in folder.rglob("*") if f.is_file()):
            archive.write(file, file.relative_to(folder))
    return packed.getvalue()
