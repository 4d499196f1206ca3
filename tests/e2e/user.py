"""What a user of the system can do and see, and what its operator sees in table, buckets and queues."""

import io
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from typing import Any

import httpx
from PIL import Image, PngImagePlugin

from local.clients import Clients
from local.state import State
from task_store import DynamoTaskStore, Task
from tests.e2e.listening import PATIENCE, Ear, Heard

STATIC, DYNAMIC, COMFY = "sdruntime", "sddynamic", "comfyruntime"
STATIC_MODEL = "v1-5-pruned-emaonly.safetensors"
ATTRIBUTES = {"id", "submission", "event_id", "runtime", "tasktype", "result", "callback", "traceparent"}
POST_TIMEOUT = 60.0  # seconds
SIDE = 64  # pixels of an ordinary test's picture
HOLD = 120.0  # seconds that nothing which is to be seen meanwhile takes, whatever else the machine does

type Json = dict[str, Any]


class User:
    """One user of a running system.

    `told` hears the notifications topic, `published` the requests topic.
    """

    def __init__(self, state: State, clients: Clients, http: httpx.Client, told: Ear, published: Ear) -> None:
        self.state = state
        self.clients = clients
        self.told = told
        self.published = published
        self._http = http
        self._table = DynamoTaskStore(clients.client("dynamodb"), state.tasks_table)

    def send(
        self,
        method: str,
        path: str,
        *,
        body: str | bytes = "",
        headers: Mapping[str, str] | None = None,
        key: str | None = "",
        patient: bool = True,
    ) -> httpx.Response:
        """Send anything to the API, and again where it is throttled, unless we are not `patient`.

        `key` is the API key, by default the right one, None for none.
        """
        sent = dict(headers or {})
        if key is not None:
            sent["x-api-key"] = key or self.state.api_key
        content = body.encode() if isinstance(body, str) else body
        url = self.state.endpoint + path.lstrip("/")
        while True:
            answer = self._http.request(method, url, content=content, headers=sent, timeout=POST_TIMEOUT)
            if answer.status_code != 429 or not patient:
                return answer
            time.sleep(float(answer.headers.get("retry-after", "1")))

    def post(
        self, body: Any, *, version: str = "v1alpha2", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Post a request."""
        sent = {"content-type": "application/json", **(headers or {})}
        return self.send("POST", version, body=json.dumps(body), headers=sent)

    def submit(self, body: Any, *, version: str = "v1alpha2") -> Json:
        """Post a request that is good; return the answer."""
        answer = self.post(body, version=version)
        assert answer.status_code == 200, answer.text
        accepted: Json = answer.json()
        return accepted

    def publish(self, message: str, attributes: Mapping[str, str], *, topic: str | None = None) -> None:
        """Publish straight to the requests topic, or to another."""
        self.clients.client("sns").publish(
            TopicArn=topic or self.state.requests_topic,
            Message=message,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
        )

    def hears(self, task_id: str, *, count: int = 1) -> Heard:
        """Return the `count`-th notification about a task."""
        return self.told.wait(lambda heard: heard.id == task_id, what=task_id, count=count)

    def row(self, task_id: str) -> Task | None:
        """Return the task's row."""
        return self._table.get(task_id)

    def settled_row(self, task_id: str) -> Task:
        """Return the task's row once it says that its end was told."""

        def told() -> Task | None:
            row = self.row(task_id)
            return row if row is not None and row.is_finished else None

        return eventually(told, what=f"the row of {task_id}")

    def fetch(self, url: str) -> bytes:
        """Return an object by its S3 URL."""
        bucket, _, key = url.removeprefix("s3://").partition("/")
        data: bytes = self.clients.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return data

    def keys(self, prefix: str, *, bucket: str | None = None) -> list[str]:
        """Return the keys under a prefix of the output bucket, or of another."""
        pages = (
            self.clients.client("s3")
            .get_paginator("list_objects_v2")
            .paginate(Bucket=bucket or self.state.output_bucket, Prefix=prefix)
        )
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))

    def picture(self, url: str) -> PngImagePlugin.PngImageFile:
        """Return a picture, read to its last pixel."""
        image = Image.open(io.BytesIO(self.fetch(url)))
        image.load()
        assert isinstance(image, PngImagePlugin.PngImageFile)
        return image

    def plan(self, runtime: str, *faults: Json) -> None:
        """Let a sketch runtime misbehave (`local.sketch.faults`)."""
        answer = self._http.post(f"{self.state.runtimes[runtime].url}/_sketch/faults", json=list(faults))
        assert answer.status_code == 200, answer.text

    def forget_plans(self) -> None:
        """Let all sketch runtimes behave again."""
        for runtime in self.state.runtimes.values():
            self._http.delete(f"{runtime.url}/_sketch/faults")

    def jobs(self, runtime: str) -> list[Json]:
        """Return the jobs that a sketch runtime's GPU has seen."""
        jobs: list[Json] = self._http.get(f"{self.state.runtimes[runtime].url}/_sketch/stats").json()["jobs"]
        return jobs

    def running(self, runtime: str) -> bool:
        """Whether a sketch runtime's GPU is at work."""
        return any(job["finished_at"] is None for job in self.jobs(runtime))

    @contextmanager
    def holding(self, runtime: str) -> Iterator[None]:
        """Keep a sketch runtime's GPU busy: what is submitted meanwhile waits, however slow we are."""
        task_id = new_id("holding")
        self.plan(runtime, {"kind": "slow", "seconds": HOLD})
        self.submit(request(task_id, text_to_image(1, steps=100), runtime=runtime))
        eventually(lambda: self.running(runtime), what="a run")
        try:
            time.sleep(self._seconds_to_stand_out(runtime))
            yield
        finally:
            cancelled = self.send("DELETE", f"v1alpha2/tasks/{task_id}")
        assert cancelled.status_code == 202, f"{task_id} held the GPU for less time than it was to"
        assert self.hears(task_id).json["status"] == "cancelled"

    def _seconds_to_stand_out(self, runtime: str) -> float:
        """Return after which time of a run that holds the GPU no agent believes its end near any more.

        One that does claims the next task, which then is no queued one (ADR 14). It goes by what runs took
        before, until this one takes half as long again, and by its progress from a twentieth on.
        """
        whole = [job for job in self.jobs(runtime) if job["outcome"] == "succeeded"]
        took = [job["finished_at"] - job["started_at"] for job in whole]
        return min(2 * max(took, default=0.0) / 1000 + 1, HOLD / 20 + 2)

    def send_to_queue(self, runtime: str, body: str) -> str:
        """Put a message straight into a runtime's queue; return its id."""
        url = self.state.runtimes[runtime].queue_url
        message_id: str = self.clients.client("sqs").send_message(QueueUrl=url, MessageBody=body)["MessageId"]
        return message_id

    def queued(self, queue_url: str) -> int:
        """Return how many messages a queue has, hidden ones among them."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.clients.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)


def eventually[T](look: Callable[[], T | None], *, what: str) -> T:
    """Look until there is something to see, and return it."""
    deadline = time.monotonic() + PATIENCE
    while not (seen := look()):
        assert time.monotonic() < deadline, f"{what}: not there after {PATIENCE:g} s"
        time.sleep(0.05)
    return seen


def new_id(about: str) -> str:
    """Return an id that nobody has used."""
    return f"{about}-{secrets.token_hex(4)}"


def request(task_id: str, content: Json, *, runtime: str = STATIC, tasktype: str = "text-to-image") -> Json:
    """Return a request in v1alpha2."""
    return {
        "task": {
            "metadata": {
                "id": task_id,
                "runtime": runtime,
                "tasktype": tasktype,
                "prefix": "e2e",
                "context": {"of": task_id},
            },
            "content": content,
        }
    }


def text_to_image(seed: int, **more: Any) -> Json:
    """Return the content of a small text-to-image task whose picture tells it from others."""
    return {
        "prompt": f"a lighthouse, number {seed}",
        "seed": seed,
        "steps": 4,
        "width": SIDE,
        "height": SIDE,
        **more,
    }


def workflow(seed: int) -> Json:
    """Return the guide's workflow, small, with a prompt and a seed of its own."""
    text = resources.files("task_schema.examples").joinpath("v1alpha2-pipeline.json").read_text()
    graph: Json = json.loads(text)["task"]["content"]
    graph["3"]["inputs"] |= {"seed": seed, "steps": 4}
    graph["5"]["inputs"] |= {"width": SIDE, "height": SIDE}
    graph["6"]["inputs"]["text"] = f"a lighthouse, number {seed}"
    return graph


def made_from(image: PngImagePlugin.PngImageFile) -> tuple[str, int, str]:
    """Return prompt, seed and model that a picture says it was made from, whichever runtime made it."""
    if "prompt" in image.text:
        graph = json.loads(image.text["prompt"])
        [sampler] = [node for node in graph.values() if node["class_type"] == "KSampler"]
        [loader] = [node for node in graph.values() if node["class_type"] == "CheckpointLoaderSimple"]
        positive = graph[sampler["inputs"]["positive"][0]]["inputs"]["text"]
        return positive, sampler["inputs"]["seed"], loader["inputs"]["ckpt_name"]
    *prompt, last = image.text["parameters"].split("\n")
    values = dict(pair.split(": ", 1) for pair in last.split(", "))
    return "\n".join(prompt), int(values["Seed"]), f"{values['Model']}.safetensors"
