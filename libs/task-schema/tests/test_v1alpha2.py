import json
from collections.abc import Callable
from typing import Any

import pytest

from task_schema import Deployment, ParsedRequest, RequestRefusedError, parse_v1alpha2

type Body = Callable[..., Any]
type Found = Callable[[Any], list[tuple[str, str | None]]]

LONGEST_PREFIX = "é" * 256  # 512 bytes of UTF-8


@pytest.mark.parametrize("task_id", ["a", "0", "test-t2i", "A.b_c-9", "x" * 128])
def test_an_id_of_the_allowed_shape_is_taken(request_v2: Body, faults2: Found, task_id: str) -> None:
    assert faults2(request_v2(id=task_id)) == []


@pytest.mark.parametrize(
    "task_id", ["", ".a", "-a", "_a", "a/b", "a b", "ä", "a\n", "x" * 129, 7, None, ["a"], True, "a\u0000"]
)
def test_an_id_of_another_shape_is_refused(request_v2: Body, faults2: Found, task_id: Any) -> None:
    assert faults2(request_v2(id=task_id)) == [("bad_value", "task.metadata.id")]


@pytest.mark.parametrize(
    ("prefix", "kept"),
    [
        ("output", "output"),
        ("/output/", "output"),
        ("a/b/c", "a/b/c"),
        ("//a//", "a"),
        ("with space", "with space"),
        ("...", "..."),
        ("a/..b", "a/..b"),
        (LONGEST_PREFIX, LONGEST_PREFIX),
    ],
)
def test_a_prefix_is_kept_without_outer_slashes(
    request_v2: Body, parse2: Callable[[Any], ParsedRequest], prefix: str, kept: str
) -> None:
    assert parse2(request_v2(prefix=prefix)).metadata.prefix == kept


@pytest.mark.parametrize(
    "prefix",
    [
        *("", "/", "a//b", ".", "..", "a/../b", "./a", "a\\b", "a\tb", "a\u0000", "a\u007f", "a\u0085b"),
        *(LONGEST_PREFIX + "a", 5, None, ["a"]),
    ],
)
def test_a_prefix_that_is_no_folder_is_refused(request_v2: Body, faults2: Found, prefix: Any) -> None:
    assert faults2(request_v2(prefix=prefix)) == [("bad_value", "task.metadata.prefix")]


@pytest.mark.parametrize("field", ["id", "runtime", "tasktype", "prefix"])
def test_a_required_field_is_missed_by_name(request_v2: Body, faults2: Found, field: str) -> None:
    assert faults2(request_v2(**{field: ...})) == [("missing_field", f"task.metadata.{field}")]


@pytest.mark.parametrize("context", [None, "", 0, False, [], {"abc": 123}, "x" * (16 * 1024 - 2)])
def test_any_json_up_to_16_kib_is_a_context(
    request_v2: Body, parse2: Callable[[Any], ParsedRequest], context: Any
) -> None:
    assert parse2(request_v2(context=context)).metadata.context == context


def test_an_absent_context_is_an_empty_object(
    request_v2: Body, parse2: Callable[[Any], ParsedRequest]
) -> None:
    assert parse2(request_v2()).metadata.context == {}


@pytest.mark.parametrize("context", ["x" * (16 * 1024 - 1), ["é" * 8192]])
def test_a_larger_context_is_refused(request_v2: Body, faults2: Found, context: Any) -> None:
    assert faults2(request_v2(context=context)) == [("bad_value", "task.metadata.context")]


@pytest.mark.parametrize(
    "url", [None, "https://example.com/hook?a=b#c", "https://example.com:8443/", "https://[2606:4700::1]/x"]
)
def test_an_https_callback_is_taken(request_v2: Body, faults2: Found, url: Any) -> None:
    assert faults2(request_v2(callback_url=url)) == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://example.com/",
        "http://127.0.0.1:9/",
        "ftp://example.com/",
        "example.com",
        "https://",
        "https://user:secret@example.com/",
        "https://exa mple.com/",
        "https://example.com/\n",
        "https://exämple.com/",
        "https://example.com:port/",
        "https://[::1/",
        "https://example.com/" + "a" * 1024,
        5,
    ],
)
def test_another_callback_is_refused(request_v2: Body, faults2: Found, url: Any) -> None:
    assert faults2(request_v2(callback_url=url)) == [("bad_value", "task.metadata.callback_url")]


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("http://127.0.0.1:9/hook", True),
        ("http://localhost/", True),
        ("http://[::1]:9/", True),
        ("http://example.com/", False),
        ("https://example.com/", True),
    ],
)
def test_plain_http_callbacks_reach_loopback_only_and_only_by_setting(
    request_v2: Body, deployment: Deployment, url: str, taken: bool
) -> None:
    body = json.dumps(request_v2(callback_url=url))
    if taken:
        assert parse_v1alpha2(body, deployment, insecure_callbacks=True).metadata.callback_url == url
    else:
        with pytest.raises(RequestRefusedError):
            parse_v1alpha2(body, deployment, insecure_callbacks=True)


@pytest.mark.parametrize("seconds", [None, 1, 14 * 24 * 3600])
def test_a_deadline_is_a_number_of_seconds(request_v2: Body, faults2: Found, seconds: Any) -> None:
    assert faults2(request_v2(expires_in=seconds)) == []


@pytest.mark.parametrize("seconds", [0, -1, 14 * 24 * 3600 + 1, 1.5, "60", True])
def test_another_deadline_is_refused(request_v2: Body, faults2: Found, seconds: Any) -> None:
    assert faults2(request_v2(expires_in=seconds)) == [("bad_value", "task.metadata.expires_in")]


def test_unknown_keys_are_named(request_v2: Body, faults2: Found) -> None:
    body = request_v2(priority=1)
    body["task"]["options"] = {}
    body["extra"] = None
    assert sorted(faults2(body)) == [
        ("unknown_field", "extra"),
        ("unknown_field", "task.metadata.priority"),
        ("unknown_field", "task.options"),
    ]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, ("missing_field", "task")),
        ({"task": None}, ("bad_value", "task")),
        ({"task": {"content": {}}}, ("missing_field", "task.metadata")),
        ([], ("bad_value", None)),
        ("text", ("bad_value", None)),
        (None, ("bad_value", None)),
    ],
)
def test_a_body_of_another_shape_is_refused(faults2: Found, body: Any, fault: tuple[str, str | None]) -> None:
    assert fault in faults2(body)


@pytest.mark.parametrize("content", [[], "x", 5])
def test_content_is_an_object(request_v2: Body, faults2: Found, content: Any) -> None:
    assert faults2(request_v2(content)) == [("bad_value", "task.content")]


def test_an_unknown_runtime_is_told_with_those_that_there_are(
    request_v2: Body, deployment: Deployment
) -> None:
    with pytest.raises(RequestRefusedError) as refused:
        parse_v1alpha2(json.dumps(request_v2(runtime="sdruntme")), deployment)
    (fault,) = refused.value.faults
    assert fault.code == "unknown_runtime"
    assert "'sdruntme'" in fault.message
    assert "sdruntime, sddynamic, comfyruntime, own" in fault.message


@pytest.mark.parametrize(
    ("runtime", "tasktype"),
    [
        ("sdruntime", "pipeline"),
        ("comfyruntime", "text-to-image"),
        ("own", "text-to-image"),
        ("sdruntime", "inpainting"),
    ],
)
def test_a_task_type_that_the_runtime_does_not_serve_is_refused(
    request_v2: Body, faults2: Found, runtime: str, tasktype: str
) -> None:
    body = request_v2(runtime=runtime, tasktype=tasktype)
    assert faults2(body) == [("unsupported_tasktype", "task.metadata.tasktype")]


def test_content_for_a_custom_runtime_is_not_looked_into(request_v2: Body, faults2: Found) -> None:
    body = request_v2({"width": -1, "anything": [None]}, runtime="own", tasktype="text-to-video")
    assert faults2(body) == []


@pytest.mark.parametrize("field", ["width", "height", "steps", "batch_size", "n_iter"])
@pytest.mark.parametrize("value", [0, -1, "x", 1.5, [1]])
def test_sizes_and_counts_are_positive_numbers(
    request_v2: Body, faults2: Found, field: str, value: Any
) -> None:
    assert faults2(request_v2({field: value})) == [("bad_value", f"task.content.{field}")]


@pytest.mark.parametrize(
    "content",
    [
        {"steps": "16", "width": 512.0, "seed": None},
        {"alwayson_scripts": {"ControlNet": {"args": [{"enabled": True}]}}, "unknown_extension": {"a": 1}},
        {
            "script_args": [1, "a", None],
            "styles": ["a"],
            "override_settings": {"CLIP_stop_at_last_layers": 2},
        },
        {},
    ],
)
def test_what_the_runtime_takes_passes(request_v2: Body, faults2: Found, content: Any) -> None:
    assert faults2(request_v2(content)) == []


@pytest.mark.parametrize(
    ("tasktype", "content", "fault"),
    [
        ("image-to-image", {}, ("missing_field", "task.content.init_images")),
        ("image-to-image", {"init_images": []}, ("bad_value", "task.content.init_images")),
        ("image-to-image", {"init_images": "x"}, ("bad_value", "task.content.init_images")),
        ("image-to-image", {"init_images": [""]}, ("bad_value", "task.content.init_images[0]")),
        ("image-to-image", {"init_images": ["a", 5]}, ("bad_value", "task.content.init_images[1]")),
        ("extra-single-image", {}, ("missing_field", "task.content.image")),
        ("extra-single-image", {"image": ""}, ("bad_value", "task.content.image")),
        ("extra-single-image", {"image": "x", "resize_mode": 2}, ("bad_value", "task.content.resize_mode")),
        ("extra-batch-images", {}, ("missing_field", "task.content.imageList")),
        (
            "extra-batch-images",
            {"imageList": [{"name": "a"}]},
            ("missing_field", "task.content.imageList[0].data"),
        ),
        ("text-to-image", {"prompt": 5}, ("bad_value", "task.content.prompt")),
        ("text-to-image", {"alwayson_scripts": []}, ("bad_value", "task.content.alwayson_scripts")),
    ],
)
def test_content_of_another_shape_is_refused(
    request_v2: Body, faults2: Found, tasktype: str, content: Any, fault: tuple[str, str]
) -> None:
    assert faults2(request_v2(content, tasktype=tasktype)) == [fault]


@pytest.mark.parametrize(
    ("runtime", "model", "faults"),
    [
        ("sdruntime", "v1-5-pruned-emaonly.safetensors", []),
        ("sdruntime", "v1-5-pruned-emaonly", []),
        ("sdruntime", "Stable-diffusion/v1-5-pruned-emaonly.safetensors", []),
        (
            "sdruntime",
            "sdxl.safetensors",
            [("model_not_served", "task.content.{place}.sd_model_checkpoint")],
        ),
        ("sdruntime", "v1-5-pruned-emaonly.safetensors [6ce0161689]", []),
        ("sddynamic", "sdxl.safetensors", []),
    ],
)
def test_a_static_runtime_refuses_another_model(
    request_v2: Body, faults2: Found, runtime: str, model: str, faults: list[tuple[str, str]]
) -> None:
    for place in ("alwayson_scripts", "override_settings"):
        expected = [(code, field.format(place=place)) for code, field in faults]
        assert faults2(request_v2({place: {"sd_model_checkpoint": model}}, runtime=runtime)) == expected


def test_a_model_in_moved_settings_is_named_where_the_user_put_it(request_v2: Body, faults2: Found) -> None:
    scripts = {"sd_model_checkpoint": "", "override_settings": {"sd_model_checkpoint": "other"}}
    field = "task.content.alwayson_scripts.override_settings.sd_model_checkpoint"
    assert faults2(request_v2({"alwayson_scripts": scripts})) == [("model_not_served", field)]


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"alwayson_scripts": {"sd_model_checkpoint": 5}}, "alwayson_scripts.sd_model_checkpoint"),
        ({"alwayson_scripts": {"sd_vae": 5}}, "alwayson_scripts.sd_vae"),
        ({"alwayson_scripts": {"override_settings": "x"}}, "alwayson_scripts.override_settings"),
        ({"alwayson_scripts": {"sd_vae": "a"}, "override_settings": 5}, "override_settings"),
        ({"override_settings": {"sd_model_checkpoint": 5}}, "override_settings.sd_model_checkpoint"),
    ],
)
def test_a_routing_key_of_another_type_is_refused(
    request_v2: Body, faults2: Found, content: Any, field: str
) -> None:
    assert faults2(request_v2(content)) == [("bad_value", f"task.content.{field}")]


def test_all_faults_are_told_at_once(request_v2: Body, faults2: Found) -> None:
    body = request_v2(
        {"width": 0, "steps": "many"}, id="-", prefix=..., callback_url="http://x.example/", more=1
    )
    assert set(faults2(body)) == {
        ("bad_value", "task.metadata.id"),
        ("missing_field", "task.metadata.prefix"),
        ("bad_value", "task.metadata.callback_url"),
        ("unknown_field", "task.metadata.more"),
        ("bad_value", "task.content.width"),
        ("bad_value", "task.content.steps"),
    }


def test_a_field_is_not_told_twice(request_v2: Body, faults2: Found) -> None:
    assert faults2(request_v2(callback_url="ftp://x.example/", id="-")) == [
        ("bad_value", "task.metadata.id"),
        ("bad_value", "task.metadata.callback_url"),
    ]


def test_content_comes_out_as_it_was_sent(request_v2: Body, parse2: Callable[[Any], ParsedRequest]) -> None:
    content = {"prompt": "ä", "steps": "16", "alwayson_scripts": {"id_task": "x"}, "n": [1.0, None, {"a": 2}]}
    assert parse2(request_v2(content)).content == content
