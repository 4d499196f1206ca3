"""The table of bad requests against the validator's handler, in this process and without AWS."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from lambda_api.testing import rest_event
from s3io.limits import MAX_BYTES
from s3io.presigning import PresignedPut
from task_schema import Deployment
from task_store.testing import MemoryTaskStore
from telemetry.emf import EmfMeter
from telemetry.segments import Segments
from tests.contract.bad_requests import BAD_REQUESTS, RUNTIMES, BadRequest
from validator.api import Api
from validator.invocation import guarded
from validator.submission import Submitter


class Refuser:
    """Stands for topic and bucket, which nothing may reach."""

    def publish(self, body: str, attributes: Mapping[str, str], *, tenant: str | None = None) -> None:
        pytest.fail("published")

    def grant(self, upload_id: str, *, size: int, content_type: str | None) -> PresignedPut:
        pytest.fail("granted")

    def put(self, submission: str, name: str, value: Any) -> str:
        pytest.fail("stored")


class Silence:
    def info(self, msg: object, /, *, extra: Mapping[str, object]) -> None:
        assert extra["outcome"] == "refused"

    def error(self, msg: object, /, *, extra: Mapping[str, object]) -> None:
        pytest.fail(f"{extra}")


def test_there_are_more_than_forty_and_each_has_a_name_of_its_own() -> None:
    assert len({bad.name for bad in BAD_REQUESTS}) == len(BAD_REQUESTS) > 40


@pytest.mark.parametrize("bad", BAD_REQUESTS, ids=lambda bad: bad.name)
def test_a_bad_request_is_refused_with_its_fault_and_reaches_nobody(bad: BadRequest) -> None:
    store, refuser = MemoryTaskStore(), Refuser()
    submitter = Submitter(store=store, publisher=refuser, payloads=refuser, clock=lambda: 0)
    api = Api(
        submitter=submitter,
        deployment=Deployment.model_validate({"runtimes": RUNTIMES}),
        output_bucket="outputs",
        insecure_callbacks=False,
        uploads=refuser,
        input_max=MAX_BYTES,
    )
    body = bad.body if isinstance(bad.body, str) else bad.body.decode()
    handle = guarded(
        api.answer,
        log=Silence(),
        meter=EmfMeter(service="validator", write=lambda _: None),
        segments=Segments(None, service="validator"),
        trace_header=lambda: None,
    )
    answer = handle(rest_event(bad.method, bad.path, body=body, headers=bad.headers), None)
    told = json.loads(answer["body"])
    assert answer["statusCode"] == bad.status
    assert (told["error"]["code"], told["error"]["field"]) == (bad.code, bad.field)
    assert told["errors"][0] == told["error"]
    assert store.get("bad") is None
