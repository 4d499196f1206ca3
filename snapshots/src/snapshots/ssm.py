"""Commands on an instance, by Systems Manager."""

from typing import Any

from snapshots.errors import CommandFailedError, StepTimeoutError
from snapshots.failures import code_of
from snapshots.waiting import Clock, wait_until

DOCUMENT = "AWS-RunShellScript"
TAIL = 15  # lines of output in an error

_UNDER_WAY = frozenset({"Pending", "InProgress", "Delayed", "Cancelling"})
_TO_BE_DELIVERED = 600  # seconds
_GRACE = 120  # seconds beyond what Systems Manager is told, until its word is not waited for any more


class Commands:
    """Runs commands on one instance and returns what they print."""

    def __init__(self, ssm: Any, instance_id: str, *, clock: Clock, poll: float) -> None:
        self._ssm = ssm
        self._instance_id = instance_id
        self._clock = clock
        self._poll = poll

    def is_online(self) -> bool:
        """Whether the instance's agent has reported."""
        answer = self._ssm.describe_instance_information(
            Filters=[{"Key": "InstanceIds", "Values": [self._instance_id]}]
        )
        return any(one.get("PingStatus") == "Online" for one in answer["InstanceInformationList"])

    def run(self, commands: list[str], *, what: str, limit: float) -> str:
        """Run a script to its end.

        Args:
            commands: its lines, which are kept in Systems Manager's history: no secrets.
            what: it is for, for messages.
            limit: seconds.

        Raises:
            CommandFailedError: it failed; with the last of its output.
            StepTimeoutError: it took longer.
            BotoCoreError, ClientError: Systems Manager refused.
        """
        sent = self._ssm.send_command(
            InstanceIds=[self._instance_id],
            DocumentName=DOCUMENT,
            Comment=what[:100],
            TimeoutSeconds=_TO_BE_DELIVERED,
            Parameters={"commands": commands, "executionTimeout": [f"{limit:.0f}"]},
        )
        command_id = sent["Command"]["CommandId"]
        ended = wait_until(
            lambda: self._ended(command_id),
            what=what,
            limit=limit + _GRACE,
            pause=self._poll,
            clock=self._clock,
        )
        if ended["Status"] == "Success":
            return str(ended.get("StandardOutputContent") or "")
        details = str(ended.get("StatusDetails") or ended["Status"])
        if details in {"TimedOut", "ExecutionTimedOut", "Execution Timed Out"}:
            raise StepTimeoutError(f"{what}: not within {limit / 60:.0f} minutes{_tail(ended)}")
        raise CommandFailedError(f"{what}: {details} (exit code {ended.get('ResponseCode')}){_tail(ended)}")

    def _ended(self, command_id: str) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = self._ssm.get_command_invocation(
                CommandId=command_id, InstanceId=self._instance_id
            )
        except self._ssm.exceptions.ClientError as exc:
            if code_of(exc) == "InvocationDoesNotExist":  # for some moments after it was sent
                return None
            raise
        return None if answer["Status"] in _UNDER_WAY else answer


def _tail(ended: dict[str, Any]) -> str:
    """Return the last lines that it printed, those of stderr last, without what would move the cursor."""
    lines = [
        "".join(letter for letter in line if letter.isprintable())
        for stream in ("StandardOutputContent", "StandardErrorContent")
        for line in str(ended.get(stream) or "").splitlines()
        if line.strip()
    ]
    return "".join(f"\n    {line}" for line in lines[-TAIL:])
