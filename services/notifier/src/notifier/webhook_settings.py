"""What the function of the webhooks is told by its environment."""

from typing import Annotated

from pydantic import AfterValidator, Field, Json

from netguard import AddressGuard
from notifier.settings import Environment, Name

# Gaps between the tries, in seconds: nine tries within about a day.
DELAYS = (15, 60, 5 * 60, 15 * 60, 3600, 3 * 3600, 6 * 3600, 12 * 3600)

_LONGEST_DELAY = 24 * 3600


def _good_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    AddressGuard(hosts)
    return hosts


class WebhookSettings(Environment):
    """Of the function that posts webhooks.

    `secret`: name or ARN of the secret that they are signed with.
    `hosts`: hosts, addresses and networks that may be reached though they are not public.
    `delays`: gaps between the tries, in seconds; after the last the webhook is a dead letter.
    `insecure_callbacks`: http to this very machine is good, too: a setting of the local system only.
    """

    tasks_table: Annotated[Name, Field(alias="TASKS_TABLE")]
    retry_queue_url: Annotated[Name, Field(alias="WEBHOOK_RETRY_QUEUE_URL")]
    dead_letters_url: Annotated[Name, Field(alias="WEBHOOK_DEAD_LETTERS_URL")]
    secret: Annotated[Name, Field(alias="WEBHOOK_SECRET")]
    payload_bucket: Annotated[Name, Field(alias="PAYLOAD_BUCKET")]
    hosts: Annotated[Json[tuple[Name, ...]], AfterValidator(_good_hosts), Field(alias="WEBHOOK_HOSTS")] = ()
    delays: Annotated[
        Json[tuple[Annotated[int, Field(ge=1, le=_LONGEST_DELAY)], ...]], Field(alias="WEBHOOK_DELAYS")
    ] = DELAYS
    insecure_callbacks: Annotated[bool, Field(alias="INSECURE_CALLBACKS")] = False
