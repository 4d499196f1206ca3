"""Telling subscribers, on SNS (DESIGN 4.3), with where the trace goes on (DESIGN 6)."""

import contextvars
from typing import Any

from opentelemetry.trace import SpanKind

from queue_agent import spans
from queue_agent.aws import AwsCalls
from queue_agent.ports import Announcement
from telemetry import names
from telemetry.context import TRACEPARENT


class SnsAnnouncer:
    """Publishes to the notifications topic."""

    def __init__(self, client: Any, topic_arn: str, calls: AwsCalls) -> None:
        self._client = client
        self._topic_arn = topic_arn
        self._calls = calls
        # By it SNS, and what it passes the message on to, goes on with the trace in X-Ray.
        client.meta.events.register("before-call.sns.Publish", _add_trace_header)

    async def announce(self, announcement: Announcement) -> None:
        """Publish once; sending again with the same `event_id` is harmless to a careful subscriber."""
        about = {
            names.MESSAGING_SYSTEM: names.SNS,
            names.MESSAGING_OPERATION: "publish",
            names.MESSAGING_OPERATION_TYPE: "send",
            names.MESSAGING_DESTINATION: "notifications",
            names.TOPIC_ARN: self._topic_arn,
        }
        with spans.step("publish notifications", kind=SpanKind.PRODUCER, attributes=about):
            values = announcement.attributes()
            context = contextvars.Context()
            # What is told of another task than the one in hand has no trace to go on with, and gets none.
            if announcement.traceparent is not None and (here := spans.traceparent()) is not None:
                values[TRACEPARENT] = here
                context = contextvars.copy_context()
            await self._calls(
                context.run,
                self._client.publish,
                TopicArn=self._topic_arn,
                Message=announcement.text,
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in values.items()
                },
            )


def _add_trace_header(params: dict[str, Any], **_kwargs: object) -> None:
    if (header := spans.xray_header()) is not None:
        params["headers"]["X-Amzn-Trace-Id"] = header
