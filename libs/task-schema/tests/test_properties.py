import copy
import json
import string
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from task_schema import (
    Deployment,
    Message,
    ParsedRequest,
    Refusal,
    RequestRefusedError,
    RuntimeSpec,
    UnreadableMessageError,
    parse_v1alpha1,
    parse_v1alpha2,
    read_message,
    split_routing,
)

type Parse = Callable[[str | bytes, Deployment], ParsedRequest]

DEPLOYMENT = Deployment(
    runtimes=(
        RuntimeSpec(name="sd", type="sdwebui", model_filename="m.safetensors"),
        RuntimeSpec(name="dyn", type="sdwebui", dynamic_model=True),
        RuntimeSpec(name="comfy", type="comfyui"),
        RuntimeSpec(name="odd", type="sdwebui", dynamic_model=True, task_types=("text-to-image", "new-kind")),
    )
)
AT = datetime(2026, 1, 1, tzinfo=UTC)

# Names that mean something, so that random JSON comes near the rules.
KEYS = st.sampled_from(
    [
        "task",
        "metadata",
        "content",
        "id",
        "runtime",
        "tasktype",
        "prefix",
        "context",
        "callback_url",
        "expires_in",
        "alwayson_scripts",
        "sd_model_checkpoint",
        "id_task",
        "save_dir",
        "image_link",
        "override_settings",
        "sd_vae",
        "init_images",
        "imageList",
        "image",
        "data",
        "name",
        "width",
        "steps",
        "script_args",
        "class_type",
        "inputs",
        "1",
        "2",
        "nodes",
        "links",
        "schema",
        "submission",
        "content_ref",
        "submitted_at",
        "api_version",
        "Type",
        "Message",
        "MessageId",
    ]
)
WORDS = st.sampled_from(
    [
        "sd",
        "dyn",
        "comfy",
        "odd",
        "text-to-image",
        "image-to-image",
        "extra-single-image",
        "extra-batch-images",
        "pipeline",
        "new-kind",
        "m.safetensors",
        "output",
        "https://x.example/a",
        "http://127.0.0.1/",
        "Notification",
        "v1alpha2",
        "2026-01-01T00:00:00Z",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.text(st.characters(codec=None), max_size=5)
    | WORDS
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=8)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.tuples(st.sampled_from(["1", "2", "3"]), st.integers(0, 3)).map(list)
    ),
    max_leaves=30,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=8)
METADATA = st.fixed_dictionaries(
    {
        "id": WORDS | JSON,
        "runtime": st.sampled_from(["sd", "dyn", "comfy", "odd"]) | JSON,
        "tasktype": WORDS | JSON,
        "prefix": WORDS | JSON,
    },
    optional={"context": JSON, "callback_url": WORDS | JSON, "expires_in": JSON},
)
BODIES = JSON | st.fixed_dictionaries(
    {"task": st.fixed_dictionaries({"metadata": METADATA, "content": OBJECTS | JSON})}
)
IDS = st.text(string.ascii_letters + string.digits, min_size=1, max_size=128)
# Values that runtimes of a custom type may get: any JSON that is strict.
STRICT = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
ours = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _dumps(value: Any) -> str:
    return json.dumps(value)  # writes NaN and lone surrogates too, as a careless client would


def _parsed(parse: Parse, body: str | bytes) -> ParsedRequest | RequestRefusedError:
    try:
        return parse(body, DEPLOYMENT)
    except RequestRefusedError as exc:
        return exc


@given(BODIES, st.sampled_from([parse_v1alpha1, parse_v1alpha2]))
@ours
def test_any_body_is_parsed_or_refused_with_a_valid_refusal(body: Any, parse: Parse) -> None:
    outcome = _parsed(parse, _dumps(body))
    if isinstance(outcome, RequestRefusedError):
        refusal = Refusal.model_validate_json(outcome.refusal().model_dump_json())
        assert refusal.error == refusal.errors[0]
        assert outcome.http_status == 400
    else:
        assert DEPLOYMENT.runtime(outcome.metadata.runtime)


@given(OBJECTS, OBJECTS)
@ours
def test_any_v1alpha1_body_is_parsed_or_refused(scripts: Any, rest: Any) -> None:
    keys = {"task": "image-to-image", "sd_model_checkpoint": "m", "id_task": "t", **scripts}
    body = {**rest, "alwayson_scripts": keys}
    outcome = _parsed(parse_v1alpha1, _dumps(body))
    assert isinstance(outcome, RequestRefusedError) or outcome.content == body


@given(st.text() | st.binary(), st.sampled_from([parse_v1alpha1, parse_v1alpha2]))
@ours
def test_any_text_is_parsed_or_refused(body: str | bytes, parse: Parse) -> None:
    assert isinstance(_parsed(parse, body), ParsedRequest | RequestRefusedError)


@given(IDS, STRICT, st.dictionaries(st.text(), STRICT, max_size=5))
@ours
def test_a_valid_request_is_accepted_and_its_content_unchanged(
    task_id: str, context: Any, extras: dict[str, Any]
) -> None:
    content = {f"ext_{key}": value for key, value in extras.items()}
    metadata = {
        "id": task_id,
        "runtime": "dyn",
        "tasktype": "text-to-image",
        "prefix": "o",
        "context": context,
    }
    body = {"task": {"metadata": metadata, "content": content}}
    parsed = parse_v1alpha2(_dumps(body), DEPLOYMENT)
    assert parsed.content == content
    assert parsed.metadata.context == context
    message = Message(
        submission="s",
        metadata=parsed.metadata,
        content=parsed.content,
        submitted_at=AT,
        api_version=parsed.api_version,
    )
    assert read_message(message.to_json(), message_id="m").message == message


def _shuffled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shuffled(inner) for key, inner in reversed(value.items())}
    return [_shuffled(inner) for inner in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(), STRICT, max_size=5), st.integers(0, 3))
@ours
def test_the_hash_of_a_body_is_that_of_its_meaning(extras: dict[str, Any], indent: int) -> None:
    content = {f"ext_{key}": value for key, value in extras.items()}
    metadata = {"id": "t", "runtime": "dyn", "tasktype": "text-to-image", "prefix": "o"}
    body = {"task": {"metadata": metadata, "content": content}}
    first = parse_v1alpha2(_dumps(body), DEPLOYMENT)
    again = parse_v1alpha2(json.dumps(_shuffled(body), indent=indent, ensure_ascii=False), DEPLOYMENT)
    other = parse_v1alpha2(
        _dumps({"task": {"metadata": metadata, "content": {**content, "n": 1}}}), DEPLOYMENT
    )
    assert first.body_hash == again.body_hash
    assert first.body_hash != other.body_hash


@given(OBJECTS, OBJECTS, OBJECTS)
@ours
def test_routing_keys_are_split_off_once_and_nothing_is_changed_in_place(
    content: dict[str, Any], scripts: dict[str, Any], own: dict[str, Any]
) -> None:
    content = {**content, "alwayson_scripts": scripts, "override_settings": own}
    before = copy.deepcopy(content)
    body, _ = split_routing(content)
    again, routing = split_routing(body)
    assert repr(content) == repr(before)
    assert repr(again) == repr(body)
    assert routing.model is None


@given(
    st.text()
    | JSON.map(_dumps)
    | st.fixed_dictionaries({"metadata": METADATA, "content": JSON}).map(_dumps)
    | st.fixed_dictionaries(
        {
            "schema": st.just(1) | JSON,
            "submission": JSON,
            "metadata": METADATA,
            "content": OBJECTS,
            "submitted_at": WORDS | JSON,
        }
    ).map(_dumps)
    | st.fixed_dictionaries(
        {"Type": st.just("Notification"), "MessageId": JSON, "Message": st.text() | JSON.map(_dumps)}
    ).map(_dumps)
)
@ours
def test_any_message_is_read_or_unreadable(body: str) -> None:
    try:
        received = read_message(body, message_id="m")
    except UnreadableMessageError:
        return
    assert read_message(received.message.to_json(), message_id="n").message == received.message
