"""Names of what our own code counts, where CloudWatch has it: a test compares them with the code.

Names only, no CDK: the rules of the scrape and the stack agree by them.
"""

from typing import Final

from task_schema import TaskCode

#: Of all that our own code emits.
NAMESPACE: Final = "Darkroom"


class Agent:
    """Metrics of the queue agent, as CloudWatch has them: with `ClusterName` and `runtime` (ADR 11)."""

    TASKS: Final = "darkroom_tasks_total"
    GPU_BUSY: Final = "darkroom_gpu_busy_seconds_total"
    LOST: Final = "darkroom_inferences_lost_total"
    READY: Final = "darkroom_runtime_ready"
    BREAKER: Final = "darkroom_breaker_open"
    RESTARTS: Final = "darkroom_runtime_restarts_total"

    #: All that leaves the cluster, with their units; each costs by the month, for each runtime.
    UNITS: Final = {
        TASKS: "Count",
        GPU_BUSY: "Seconds",
        LOST: "Count",
        READY: "None",
        BREAKER: "None",
        RESTARTS: "Count",
    }


class AgentLabel:
    """Labels of the agent's metrics, and those that the scrape adds."""

    CLUSTER: Final = "ClusterName"  # the CloudWatch agent adds it
    RUNTIME: Final = "runtime"  # from the pod, since most metrics do not have it
    RESULT: Final = "result"
    CODE: Final = "code"
    FAULT: Final = "fault"  # from the code: whose fault it was


class Notifier:
    """Metrics of the notifier (EMF), and what is in their lines."""

    SERVICE: Final = "notifier"
    LETTERS: Final = "DeadLetters"
    REASON: Final = "reason"
    QUEUE: Final = "queue"
    CODE: Final = "code"
    SWEEP_FAILURES: Final = "SweepFailures"
    SWEPT: Final = "Swept"
    WEBHOOKS: Final = "Webhooks"
    OUTCOME: Final = "outcome"
    WEBHOOK_TRIES: Final = "WebhookTries"
    ANSWER: Final = "answer"
    WEBHOOK_FAILURES: Final = "WebhookFailures"

    #: Reasons of letters that changed nothing for anybody.
    HARMLESS: Final = ("stale", "told_before", "told_late", TaskCode.CANCELLED.value)
    #: What becomes of a webhook that somebody has, and of one that will be tried again.
    DELIVERED: Final = "delivered"
    GONE: Final = "gone"
    RETRIED: Final = "retried"


class Validator:
    """Metrics of the validator (EMF)."""

    SERVICE: Final = "validator"
    ACCEPTED: Final = "Accepted"
    REFUSED: Final = "Refused"
    UNAVAILABLE: Final = "Unavailable"
    UPLOADS: Final = "UploadsGranted"
    CODE: Final = "code"


class StatusFunction:
    """Metrics of the status function (EMF)."""

    SERVICE: Final = "status"
    UNAVAILABLE: Final = "Unavailable"

    #: All answers to questions about tasks that were good.
    ANSWERED: Final = ("Shown", "Unchanged", "Listed", "Cancelled", "CancelRequested")


#: Codes of failed tasks that are ours to mend: the request was right, and nobody else was in the way.
SERVICE_FAULTS: Final = (
    TaskCode.ATTEMPTS_EXHAUSTED,
    TaskCode.INTERNAL,
    TaskCode.NO_OUTPUT,
    TaskCode.OUT_OF_MEMORY,
    TaskCode.TIMEOUT,
)
