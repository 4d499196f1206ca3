"""Counts what happened, and says whether every promise of DESIGN section 2 was kept."""

import io
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from botocore.exceptions import ClientError
from PIL import Image, PngImagePlugin

from local.clients import Clients
from task_schema import TaskCode
from tests.chaos.orders import PREFIX, Coloured, Order, Painted
from tests.chaos.stage import Stage
from tests.chaos.submitting import Books
from tests.chaos.witness import GpuRun, Write
from tests.e2e.listening import Heard

MAX_ATTEMPTS = 3
# Of a task whose third inference was lost; what was said last is told.
LOST_CODES = frozenset({TaskCode.ATTEMPTS_EXHAUSTED.value, TaskCode.OUT_OF_MEMORY.value})
COLOUR_TOLERANCE = 3
SHOWN = 8  # findings of one kind that are printed

type Json = dict[str, Any]


@dataclass
class Verdict:
    """Counts, and what is wrong: findings by promise."""

    counts: dict[str, str] = field(default_factory=dict)
    findings: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def good(self) -> bool:
        """Whether every promise was kept."""
        return not any(self.findings.values())

    def table(self) -> str:
        """Return everything as text."""
        width = max(len(name) for name in (*self.counts, *self.findings))
        lines = [f"{name:<{width}}  {value}" for name, value in self.counts.items()]
        for name, found in self.findings.items():
            lines.append(f"{name:<{width}}  {len(found)}")
            lines += [f"    {text}" for text in found[:SHOWN]]
        lines.append("every promise was kept" if self.good else "PROMISES WERE BROKEN, see above")
        return "\n".join(lines)


@dataclass(frozen=True)
class Evidence:
    """All that the judge looks at."""

    orders: list[Order]
    books: Books
    submissions: dict[str, list[Write]]
    told: list[Heard]
    runs: list[GpuRun]
    left_in_queues: dict[str, int]


class Judge:
    """Judges the evidence.

    Args:
        stage: for what the buckets have.
        evidence: see there.
        sweeper: whether something ends tasks that nobody published.
    """

    def __init__(self, stage: Stage, evidence: Evidence, *, sweeper: bool) -> None:
        self._clients: Clients = stage.clients
        self._bucket = stage.stack.output_bucket
        self._evidence = evidence
        self._sweeper = sweeper
        self._orders = {order.number: order for order in evidence.orders}
        self._told: dict[str, list[Heard]] = defaultdict(list)
        for heard in evidence.told:
            self._told[heard.attributes.get("submission", "")].append(heard)
        self.verdict = Verdict()

    def judge(self) -> Verdict:
        """Judge everything."""
        self._ends()
        self._notifications()
        served = self._served()
        self._outcomes(served)
        objects = self._objects()
        referred = self._pictures(objects)
        self._leftovers()
        self._count(served, objects, referred)
        return self.verdict

    def _wrong(self, promise: str, text: str) -> None:
        self.verdict.findings[promise].append(text)

    def _order(self, body: Json) -> Order | None:
        """Return the order that a notification's context names."""
        context = body.get("context")
        return self._orders.get(context.get("order", 0)) if isinstance(context, dict) else None

    def _ends(self) -> None:
        for promise in (
            "submissions without an end",
            "ends that changed",
            "ended, and nobody was told",
        ):
            self.verdict.findings[promise] = []
        for submission, writes in self._evidence.submissions.items():
            ends = {(write.status, write.event_id) for write in writes if write.ended}
            last = writes[-1]
            if len(ends) > 1:
                self._wrong("ends that changed", f"{last.id} {submission}: {sorted(map(str, ends))}")
            after = [write.status for write in writes[_first_end(writes) :] if not write.ended]
            if after:
                self._wrong("ends that changed", f"{last.id} {submission}: {after} after its end")
            if not ends and (last.published_at is not None or self._sweeper):
                self._wrong("submissions without an end", f"{last.id} {submission}: {last}")
            if ends and last.notified_at is None:
                self._wrong("ended, and nobody was told", f"{last.id} {submission}: no notified_at")

    def _notifications(self) -> None:
        for promise in ("ended, and not heard of", "two outcomes told", "told otherwise than the table says"):
            self.verdict.findings[promise] = []
        for submission, writes in self._evidence.submissions.items():
            last, heard = writes[-1], self._told.get(submission, [])
            if not last.ended:
                continue
            if not heard:
                self._wrong("ended, and not heard of", f"{last.id} {submission}: {last.status}")
            if any(each.json["status"] != last.status for each in heard):
                statuses = [each.json["status"] for each in heard]
                self._wrong(
                    "told otherwise than the table says", f"{last.id} {submission}: {last}, told {statuses}"
                )
        for submission, heard in self._told.items():
            outcomes = {(each.body, each.attributes.get("event_id")) for each in heard}
            if len(outcomes) > 1:
                self._wrong("two outcomes told", f"{heard[0].id} {submission}: {sorted(map(str, outcomes))}")

    def _served(self) -> dict[int, list[Json]]:
        """Return the notifications of each order, one for each submission."""
        served: dict[int, list[Json]] = defaultdict(list)
        self.verdict.findings["told about nobody's order"] = []
        for heard in self._told.values():
            body = heard[0].json
            order = self._order(body)
            if order is not None and order.id == body["id"]:
                served[order.number].append(body)
            else:
                self._wrong("told about nobody's order", heard[0].body[:300])
        return served

    def _outcomes(self, served: dict[int, list[Json]]) -> None:
        for promise in (
            "accepted, and never heard of",
            "failed without a reason",
            "succeeded where it could not",
            "good orders refused",
        ):
            self.verdict.findings[promise] = []
        for order in self._evidence.books.accepted:
            if not served[order.number]:
                self._wrong(
                    "accepted, and never heard of", f"{order.id} ({order.kind}, order {order.number})"
                )
        for order, text in self._evidence.books.refused:
            self._wrong("good orders refused", f"{order.id}: {text[:200]}")
        for number, bodies in served.items():
            for body in bodies:
                self._outcome(self._orders[number], body)

    def _outcome(self, order: Order, body: Json) -> None:
        code = (body.get("error") or {}).get("code")
        where = f"{order.id} ({order.kind}, order {order.number}) {body['submission']}: {body.get('error')}"
        if body["result"] and order.codes:
            self._wrong("succeeded where it could not", where)
        if not body["result"] and code not in order.codes:
            attempts = self._evidence.submissions[body["submission"]][-1].attempts
            if not (code in LOST_CODES and attempts >= MAX_ATTEMPTS):
                self._wrong("failed without a reason", f"{where}, {attempts} inferences")

    def _objects(self) -> set[str]:
        pages = (
            self._clients.client("s3")
            .get_paginator("list_objects_v2")
            .paginate(Bucket=self._bucket, Prefix=f"{PREFIX}/")
        )
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}

    def _pictures(self, objects: set[str]) -> set[str]:
        """Look at every picture that was told of; return the keys of what was told of."""
        for promise in ("pictures missing", "pictures of another task", "pictures told twice"):
            self.verdict.findings[promise] = []
        referred: Counter[str] = Counter()
        for heard in self._told.values():
            body = heard[0].json
            keys = [_key(url) for url in body["image_url"]]
            referred.update(keys)
            if body["output_url"]:
                referred[_key(body["output_url"])] += 1
            order = self._order(body)
            if order is not None and body["result"]:
                self._look(order, body, keys)
        for key in sorted(set(referred) - objects):
            self._wrong("pictures missing", key)
        self.verdict.findings["pictures told twice"] = [key for key, count in referred.items() if count > 1]
        return set(referred)

    def _look(self, order: Order, body: Json, keys: list[str]) -> None:
        if len(keys) != len(order.pictures):
            self._wrong("pictures missing", f"{order.id}: {len(keys)} instead of {len(order.pictures)}")
        for key, wanted in zip(keys, order.pictures, strict=False):
            if not key.startswith(f"{PREFIX}/{order.id}/"):
                self._wrong("pictures of another task", f"{order.id}: {key}")
            try:
                data = self._clients.client("s3").get_object(Bucket=self._bucket, Key=key)["Body"].read()
                fault = difference(data, wanted)
            except ClientError:
                continue  # counted as missing
            except (OSError, ValueError, KeyError) as exc:
                fault = f"unreadable: {exc}"
            if fault:
                where = f"{order.id} (order {order.number}, {body['submission']}) {key}"
                self._wrong("pictures of another task", f"{where}: {fault}")

    def _leftovers(self) -> None:
        self.verdict.findings["left in queues"] = [
            f"{name}: {count}" for name, count in self._evidence.left_in_queues.items() if count
        ]

    def _count(self, served: dict[int, list[Json]], objects: set[str], referred: set[str]) -> None:
        books, submissions = self._evidence.books, self._evidence.submissions
        ends = Counter(writes[-1].status for writes in submissions.values())
        codes = Counter(
            body["error"]["code"] for bodies in served.values() for body in bodies if body.get("error")
        )
        heard = sum(len(each) for each in self._told.values())
        # Inferences that the table counted: each claim of an attempt. Given back ones among them count here.
        tokens = {write.token for writes in submissions.values() for write in writes if write.token}
        runs = self._evidence.runs
        needed = sum(body["result"] for bodies in served.values() for body in bodies)
        seconds = sum(run.seconds for run in runs)
        good = [run.seconds for run in runs if run.outcome == "succeeded"]
        mean = fmean(good) if good else 0.0
        self.verdict.counts |= {
            "orders": str(len(self._orders)),
            "accepted": str(len(books.accepted)),
            "answers": ", ".join(f"{name}: {count}" for name, count in sorted(books.answers.items())),
            "given up after 5xx, not sent again": str(len(books.given_up)),
            "waited in vain for their id": str(len(books.skipped)),
            "submissions recorded": str(len(submissions)),
            "terminal states": ", ".join(f"{name}: {count}" for name, count in sorted(ends.items())),
            "failures told": ", ".join(f"{name}: {count}" for name, count in sorted(codes.items())) or "none",
            "notifications": f"{heard} for {len(self._told)} submissions",
            "pictures and answers told": str(len(referred)),
            "objects nobody was told of": str(len(objects - referred)),
            "attempts claimed": str(len(tokens)),
            "GPU runs": f"{len(runs)}, {seconds:.1f} s; succeeded tasks {needed}",
            "GPU seconds spent in vain": f"{max(0.0, seconds - needed * mean):.1f}",
        }


def difference(data: bytes, wanted: Painted | Coloured) -> str | None:
    """Say in what a picture differs from what was wanted; None where in nothing."""
    image = Image.open(io.BytesIO(data))
    image.load()
    if isinstance(wanted, Coloured):
        pixel = image.convert("RGB").getpixel((image.width // 2, image.height // 2))
        assert isinstance(pixel, tuple), "an RGB picture"
        near = all(abs(is_ - due) <= COLOUR_TOLERANCE for is_, due in zip(pixel, wanted.colour, strict=True))
        is_wanted = near and image.size == wanted.size
        return None if is_wanted else f"{pixel} {image.size} instead of {wanted}"
    assert isinstance(image, PngImagePlugin.PngImageFile), "sketches paint PNG"
    made = painted(image.text)
    if wanted.model is None:
        made = Painted(made.prompt, made.seed, None, made.clip_skip)
    return None if made == wanted else f"{made} instead of {wanted}"


def painted(text: dict[str, str]) -> Painted:
    """Read what a sketch says that it has painted."""
    if "prompt" in text:
        graph = json.loads(text["prompt"])
        [sampler] = [node for node in graph.values() if node["class_type"] == "KSampler"]
        [loader] = [node for node in graph.values() if node["class_type"] == "CheckpointLoaderSimple"]
        positive = graph[sampler["inputs"]["positive"][0]]["inputs"]["text"]
        return Painted(positive, sampler["inputs"]["seed"], loader["inputs"]["ckpt_name"])
    *prompt, last = text["parameters"].split("\n")
    values = dict(pair.split(": ", 1) for pair in last.split(", "))
    return Painted(
        "\n".join(prompt),
        int(values["Seed"]),
        f"{values['Model']}.safetensors",
        int(values.get("Clip skip", "1")),
    )


def _first_end(writes: list[Write]) -> int:
    return next((index for index, write in enumerate(writes) if write.ended), len(writes))


def _key(url: str) -> str:
    return url.removeprefix("s3://").partition("/")[2]
