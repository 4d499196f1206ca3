"""What is told of webhooks: spans, log and metrics, none of which have secrets."""

import json
from typing import Any

import pytest

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def tries(hooks: Any) -> list[dict[str, Any]]:
    return [document for document in hooks.system.documents if document["name"] == "deliver webhook"]


def test_neither_secrets_nor_queries_nor_bodies_are_told(make: Any, receiver_of: Any) -> None:
    hooks = make()
    with receiver_of((500, {}), (200, {})) as receiver:
        hooks.post(hooks.message("t", receiver.url, traceparent=TRACE))
        hooks.pass_time()
    told = json.dumps([hooks.system.log.lines, hooks.system.documents, list(hooks.system.meter.counted)])
    for secret in (
        "hidden",
        hooks.secrets[0],
        hooks.secrets[0].removeprefix("whsec_"),
        "note",
        receiver.got[0][0]["webhook-signature"],
    ):
        assert secret not in told
    assert [headers["traceparent"].split("-")[1] for headers, _ in receiver.got] == [TRACE.split("-")[1]] * 2
    names = {document["name"] for document in hooks.system.documents}
    assert names == {"process webhooks", "deliver webhook"}


def test_each_try_has_a_span_that_its_receiver_goes_on_from(make: Any, receiver_of: Any) -> None:
    hooks = make()
    with receiver_of((503, {}), (302, {"Location": "/"}), (200, {})) as receiver:
        hooks.post(hooks.message("t", receiver.url, traceparent=TRACE))
        hooks.pass_time()
    spans = tries(hooks)
    assert [span["id"] for span in spans] == [
        headers["traceparent"].split("-")[2] for headers, _ in receiver.got
    ]
    processed = {span["id"] for span in hooks.system.documents if span["name"] == "process webhooks"}
    assert {span["parent_id"] for span in spans} <= processed
    told = [span["metadata"]["darkroom"]["attributes"] for span in spans]
    assert [(each["darkroom.attempt"], each["http.response.status_code"]) for each in told] == [
        (1, 503),
        (2, 302),
        (3, 200),
    ]
    assert [each["darkroom.status.class"] for each in told] == ["5xx", "3xx", "2xx"]
    assert {each["server.address"] for each in told} == {"127.0.0.1"}
    assert [("fault" in span, "error" in span) for span in spans] == [
        (True, False),
        (False, True),
        (False, False),
    ]
    assert hooks.system.meter.counted["WebhookTries", "answer=5xx"] == 1


@pytest.mark.parametrize(
    ("url", "kind", "host"),
    [
        ("http://127.0.0.1:1/hidden?key=hidden", "none", "127.0.0.1"),
        ("https://user:hidden@10.0.0.1/hidden", "refused", "10.0.0.1"),
        ("https://[::1/hidden", "refused", None),
    ],
)
def test_a_try_without_an_answer_says_why_and_of_the_receiver_its_host_alone(
    make: Any, url: str, kind: str, host: str | None
) -> None:
    hooks = make()
    hooks.post(hooks.message("t", url, traceparent=TRACE))
    [span] = tries(hooks)
    told = span["metadata"]["darkroom"]["attributes"]
    assert (told["darkroom.status.class"], told.get("server.address")) == (kind, host)
    assert ("fault" in span, "error" in span) == (kind == "none", kind == "refused")
    assert "hidden" not in json.dumps(hooks.system.documents)
    assert hooks.system.meter.counted["WebhookTries", f"answer={kind}"] == 1


def test_a_receiver_that_wants_no_more_is_no_failure_of_a_try(make: Any, receiver_of: Any) -> None:
    hooks = make()
    with receiver_of((410, {})) as receiver:
        hooks.post(hooks.message("t", receiver.url, traceparent=TRACE))
    [span] = tries(hooks)
    assert not {"fault", "error"} & set(span)


def test_what_is_lost_is_a_line_that_somebody_should_look_at(make: Any, receiver_of: Any) -> None:
    hooks = make()
    with receiver_of((200, {})) as receiver:
        hooks.post(hooks.message("good", receiver.url), hooks.message("bad", "ftp://x.example/"))
    told = {extra["outcome"]: level for level, _, extra in hooks.system.log.lines}
    assert told == {"delivered": "info", "refused": "error"}
