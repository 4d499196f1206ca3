"""A workflow made ready ahead, while another one has the GPU."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from queue_agent.comfyui_graph import NodeClass, own_graph, saves_files
from queue_agent.ports import Job
from queue_agent.runtime_reply import encode


@dataclass(frozen=True, slots=True)
class Order:
    """One prompt, ready to be submitted.

    Attributes:
        graph: with outputs that can only be this attempt's.
        saves: whether a file is due.
    """

    graph: dict[str, Any]
    saves: bool
    rest: bytes

    def body(self, client_id: str) -> bytes:
        """Return the JSON to submit; the client's id is that of the socket that is open then."""
        return b'{"client_id":' + json.dumps(client_id).encode() + b"," + self.rest


async def order_of(job: Job, classes: Mapping[str, NodeClass | None]) -> Order:
    """Make the order for a job whose inputs are uploaded; it is encoded in a thread.

    Args:
        job: whose attempt gives the prompt's id and the outputs' names.
        classes: what is known of the workflow's node classes.
    """
    graph = own_graph(job.content, job.attempt, classes)
    body = {
        "prompt_id": job.attempt,
        "extra_data": {"darkroom": {"id": job.id, "submission": job.submission}},
        "prompt": graph,
    }
    encoded = await asyncio.to_thread(encode, body)
    return Order(graph=graph, saves=saves_files(job.content), rest=encoded[1:])
