"""Telling subscribers, on SNS (DESIGN 4.3)."""

from typing import Any

from queue_agent.aws import AwsCalls
from queue_agent.ports import Announcement


class SnsAnnouncer:
    """Publishes to the notifications topic."""

    def __init__(self, client: Any, topic_arn: str, calls: AwsCalls) -> None:
        self._client = client
        self._topic_arn = topic_arn
        self._calls = calls

    async def announce(self, announcement: Announcement) -> None:
        """Publish once; sending again with the same `event_id` is harmless to a careful subscriber."""
        await self._calls(
            self._client.publish,
            TopicArn=self._topic_arn,
            Message=announcement.text,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in announcement.attributes().items()
            },
        )
