"""Checks of what takes tasks to the queues: the stack, its API and functions, filters, dead letters."""

from collections.abc import Iterator

from darkroom_cli.operating.doctor.findings import Finding, note, problem
from darkroom_cli.operating.doctor.scene import Scene

_LETTERS = {
    "dead-letters": (
        "were received too often without being dealt with",
        (
            "The notifier ends such tasks within minutes. If the number stays, its function does not run:"
            " look at its log and at the event source mapping. ./darkroom redrive sends them again"
        ),
    ),
    "undelivered": (
        "could not be put into the runtime's queue",
        (
            "The queue's policy or the topic's key does not let the topic in: deploy again; ./darkroom"
            " redrive sends them again"
        ),
    ),
    "unrouted": (
        "name no runtime of this deployment and wait to be told so",
        (
            "The notifier ends such tasks within minutes. If the number stays, its function does not run:"
            " look at its log and at the event source mapping"
        ),
    ),
    "webhook-dead-letters": (
        "are webhooks that were given up after all tries",
        "Their receivers refuse or do not answer: mend them, then ./darkroom redrive --webhooks",
    ),
}


class StackStands:
    """CloudFormation has brought the stack to its end."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is wrong with it."""
        status = scene.stack_status
        if status.endswith("_IN_PROGRESS"):
            yield note(
                "stack-in-progress",
                scene.stack,
                f"a deployment is under way ({status})",
                "Wait for its end. New filter policies take up to 15 minutes more",
            )
        elif "ROLLBACK" in status or status.endswith("_FAILED"):
            yield problem(
                "stack-failed",
                scene.stack,
                f"its last deployment failed ({status})",
                f"aws cloudformation describe-stack-events --stack-name {scene.stack} names the resource and"
                " the reason; then deploy again",
            )


class ApiAnswers:
    """The API takes the key and answers."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is wrong with it."""
        status = scene.api.status
        if status is None:
            yield problem(
                "api-unreachable",
                scene.stack,
                f"the API was not reached: {scene.api.error}",
                "Check name resolution, proxy and way out of this machine; for a system on this machine,"
                " ./darkroom up",
            )
        elif status in (401, 403):
            yield problem(
                "api-key-refused",
                scene.stack,
                f"the API does not take the stack's own key ({status})",
                "The key was disabled or taken from its usage plan: see API keys and usage plans in API"
                " Gateway's console, or deploy again",
            )
        elif status == 429:
            yield note(
                "api-throttled",
                scene.stack,
                "the API throttles this key",
                "Clients ask too often: let them use ?wait or webhooks, or raise APIGW.throttle and"
                " APIGW.statusThrottle in config.yaml",
            )
        elif status != 200:
            yield problem(
                "api-failing",
                scene.stack,
                f"the API answers {status}: {scene.api.error}",
                "Look at the logs of the validator and status functions (docs/operate/logs.md). Below 500"
                " something else answers at this address, or another version: deploy again",
            )


class FunctionsRun:
    """The functions are active and may run."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is wrong with it."""
        for function in scene.functions:
            if function.reserved == 0:
                yield problem(
                    "function-stopped",
                    function.name,
                    "its reserved concurrency is 0: it never runs",
                    f"aws lambda delete-function-concurrency --function-name {function.name}",
                )
            if function.state in ("Failed", "Inactive") or function.update == "Failed":
                yield problem(
                    "function-failed",
                    function.name,
                    f"Lambda says {function.state}, last update {function.update}",
                    "Deploy again; aws lambda get-function-configuration tells the reason",
                )


class FilterLetsThrough:
    """The topic's filter lets each runtime's tasks into its queue."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what is wrong with it."""
        for lane in scene.lanes:
            if lane.subscribed is False:
                yield problem(
                    "queue-not-subscribed",
                    lane.name,
                    "its queue is not subscribed to the requests topic: its tasks get lost to unrouted",
                    "Deploy again: the stack makes the subscription",
                )
            elif lane.subscription is not None and not lane.subscription.confirmed:
                yield problem(
                    "subscription-pending",
                    lane.name,
                    "its queue's subscription was never confirmed",
                    "Remove the subscription in SNS' console and deploy again",
                )
            elif lane.subscription is not None and lane.name not in lane.subscription.runtimes:
                through = ", ".join(lane.subscription.runtimes) or "nothing"
                yield problem(
                    "filter-without-runtime",
                    lane.name,
                    f"the filter of its queue lets through {through}, not {lane.name}",
                    "Somebody changed the filter policy: deploy again. A change takes up to 15 minutes to"
                    " work",
                )


class LettersSettled:
    """Nothing lies where messages end up that nobody could deal with."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what lies there."""
        for letters in scene.letters:
            if letters.count:
                what, do = _LETTERS[letters.kind]
                yield problem(letters.kind, letters.where, f"{letters.count} messages: they {what}", do)


class Sighted:
    """Everything could be looked at."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield what could not, apart from the cluster, which has a finding of its own."""
        for blind in scene.blind:
            if blind.what != "the cluster":
                yield note(
                    "not-looked-at",
                    blind.what,
                    blind.why,
                    "Look with credentials that may read it; what else is told here does not depend on it",
                )
