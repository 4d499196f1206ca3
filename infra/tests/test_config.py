"""config.yaml: what is taken, and what a user is told about the rest."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.config import MAX_RUNTIMES, Config
from infra.configuration.sections import Key, keys_of
from infra.configuration.testing import COMFY, STATIC, config, problems, written
from infra.errors import ConfigError
from infra.loading import load_config

TOPIC = "arn:aws:sns:us-east-1:123456789012:pager"


def test_what_the_guide_leaves_out_has_the_guides_defaults(tmp_path: Path) -> None:
    loaded = load_config(written(tmp_path, config()))
    assert loaded.stack_name == "sdoneks"
    assert loaded.apigw.stage_name == "prod"
    assert (loaded.apigw.throttle.rate_limit, loaded.apigw.throttle.burst_limit) == (30, 50)
    assert (loaded.apigw.status_throttle.rate_limit, loaded.apigw.status_throttle.burst_limit) == (100, 200)
    assert loaded.inputs.s3 == []
    assert loaded.observability.log_retention_days == 30
    assert loaded.observability.tracing.sampling == 1
    assert (loaded.observability.alarms.email, loaded.observability.alarms.topic_arn) == (None, None)


@pytest.mark.parametrize("empty", ["APIGW:", "inputs:", "runtimeTypes:", "stackName:", "observability:"])
def test_a_key_whose_values_are_commented_out_counts_as_left_out(tmp_path: Path, empty: str) -> None:
    text = yaml.safe_dump(config()) + f"{empty}\n"
    assert load_config(written(tmp_path, text)) == Config.model_validate(config())


def test_null_in_extra_values_stays_since_helm_takes_a_default_away_with_it(tmp_path: Path) -> None:
    runtime = STATIC | {"extraValues": {"tolerations": None}}
    loaded = load_config(written(tmp_path, config(modelsRuntime=[runtime])))
    assert loaded.models_runtime[0].extra_values == {"tolerations": None}


def test_a_type_of_ones_own_brings_its_task_types_to_each_of_its_runtimes(tmp_path: Path) -> None:
    loaded = load_config(
        written(
            tmp_path,
            config(
                modelsRuntime=[COMFY, {"name": "v", "namespace": "default", "type": "video"}],
                runtimeTypes=[{"name": "video", "taskTypes": ["text-to-video"]}],
            ),
        )
    )
    own = loaded.deployment.runtime("v")
    built_in = loaded.deployment.runtime("c")
    assert own is not None
    assert built_in is not None
    assert own.serves == ("text-to-video",)
    assert built_in.serves == ("pipeline",)


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"stackName": "9lives"}, "stackName", ['"9lives"', "starting with a letter"]),
        ({"stackName": "a_b"}, "stackName", ['"a_b"', "hyphens"]),
        ({"stackName": "a\n"}, "stackName", ['"a\\n"', "hyphens"]),
        ({"modelBucketArn": "my-models"}, "modelBucketArn", ['"my-models"', "arn:aws:s3:::<bucket name>"]),
        (
            {"modelBucketArn": "arn:aws:s3:::<bucket name>"},
            "modelBucketArn",
            ["<bucket name>", "is not allowed"],
        ),
        ({"modelBucketArn": None}, "modelBucketArn", ["is required"]),
        ({"APIGW": {"stageName": "a b"}}, "APIGW.stageName", ['"a b"', "underscores"]),
        ({"APIGW": {"stageName": 1}}, "APIGW.stageName", ["1 is not allowed"]),
        (
            {"APIGW": {"throttle": {"rateLimit": 0, "burstLimit": 1}}},
            "APIGW.throttle.rateLimit",
            ["0 is not allowed", "above 0"],
        ),
        (
            {"APIGW": {"throttle": {"rateLimit": float("nan"), "burstLimit": 1}}},
            "APIGW.throttle.rateLimit",
            ["NaN is not allowed"],
        ),
        (
            {"APIGW": {"throttle": {"rateLimit": 1, "burstLimit": 1.5}}},
            "APIGW.throttle.burstLimit",
            ["1.5 is not allowed", "whole number"],
        ),
        (
            {"APIGW": {"throttle": {"rateLimit": 1}}},
            "APIGW.throttle.burstLimit",
            ["is required", "whole number"],
        ),
        ({"APIGW": {"statusThrottle": 5}}, "APIGW.statusThrottle", ["5 is not a mapping", "rateLimit"]),
        (
            {"APIGW": {"stage": "prod"}},
            "APIGW.stage",
            ["not known", "fairQueues, stageName, statusThrottle, throttle"],
        ),
        ({"modelsRuntime": []}, "modelsRuntime", ["[] is not allowed", "1 to 40"]),
        ({"modelsRuntime": {"a": 1}}, "modelsRuntime", ["a list of 1 to 40 runtimes"]),
        ({"modelsRuntime": ["a"]}, "modelsRuntime[0]", ['"a" is not a mapping', "modelFilename"]),
        (
            {"modelsRuntime": [COMFY | {"name": f"r{n}"} for n in range(MAX_RUNTIMES + 1)]},
            "modelsRuntime",
            ["41 entries", "1 to 40", "another deployment", "a stackName of its own"],
        ),
        ({"modelsRuntime": [STATIC, COMFY | {"name": "C"}]}, "modelsRuntime[1].name", ['"C"', "lower-case"]),
        ({"modelsRuntime": [COMFY | {"name": "x" * 54}]}, "modelsRuntime[0].name", ["1 to 53"]),
        (
            {"modelsRuntime": [COMFY | {"namespace": "a.b"}]},
            "modelsRuntime[0].namespace",
            ['"a.b"', "Kubernetes"],
        ),
        (
            {"modelsRuntime": [COMFY | {"type": "sdwebui2"}]},
            "modelsRuntime[0].type",
            ['"sdwebui2"', "sdwebui, comfyui", "runtimeTypes"],
        ),
        (
            {"modelsRuntime": [STATIC | {"dynamicModel": "yes please"}]},
            "modelsRuntime[0].dynamicModel",
            ["true or false"],
        ),
        (
            {"modelsRuntime": [STATIC | {"chartVersion": 1.0}]},
            "modelsRuntime[0].chartVersion",
            ["1.0 is not allowed", "quotes"],
        ),
        (
            {"modelsRuntime": [STATIC | {"chartRepository": "ftp://x"}]},
            "modelsRuntime[0].chartRepository",
            ['"ftp://x"', "oci://"],
        ),
        (
            {"modelsRuntime": [STATIC | {"modelfilename": "a"}]},
            "modelsRuntime[0].modelfilename",
            ["not known", "modelFilename"],
        ),
        (
            {"modelsRuntime": [{k: v for k, v in STATIC.items() if k != "modelFilename"}]},
            "modelsRuntime[0].modelFilename",
            ["is required", "dynamicModel"],
        ),
        (
            {"modelsRuntime": [STATIC, COMFY | {"name": "a"}]},
            "modelsRuntime[1].name",
            ['"a"', "modelsRuntime[0]"],
        ),
        (
            {"modelsRuntime": [STATIC, STATIC | {"name": "b"}]},
            "modelsRuntime[1].modelFilename",
            ["a.safetensors", "modelsRuntime[0]"],
        ),
        (
            {"modelsRuntime": [STATIC, STATIC | {"name": "b", "modelFilename": "a.ckpt"}]},
            "modelsRuntime[1].modelFilename",
            ["a.ckpt", "modelsRuntime[0]"],
        ),
        (
            {"runtimeTypes": [{"name": "comfyui", "taskTypes": ["a"]}]},
            "runtimeTypes[0].name",
            ['"comfyui" is built in'],
        ),
        (
            {"runtimeTypes": [{"name": "x", "taskTypes": ["a"]}] * 2},
            "runtimeTypes[1].name",
            ["runtimeTypes[0]"],
        ),
        (
            {"runtimeTypes": [{"name": "x", "taskTypes": []}]},
            "runtimeTypes[0].taskTypes",
            ["[] is not allowed", "at least one"],
        ),
        (
            {"runtimeTypes": [{"name": "x", "taskTypes": ["A b"]}]},
            "runtimeTypes[0].taskTypes[0]",
            ['"A b"', "lower-case"],
        ),
        ({"inputs": {"s3": "bucket"}}, "inputs.s3", ['"bucket"', "a list"]),
        ({"inputs": {"s3": ["in/*"]}}, "inputs.s3[0]", ['"in/*"', "<bucket>/<prefix>"]),
        (
            {"inputs": {"s3": ["inputs", "my-models/x"]}},
            "inputs.s3[1]",
            ['"my-models/x"', "model bucket"],
        ),
        *(
            ({"inputs": {"s3": [place]}}, "inputs.s3[0]", [f'"{place}"', "folder"])
            for place in ("pics/a/../b", "pics/.", "pics//", "pics/a//b", "pi..cs")
        ),
        *(
            ({"observability": {section: {key: value}}}, f"observability.{section}.{key}", words)
            for section, key, value, words in [
                ("tracing", "sampling", 1.5, ["1.5 is not allowed", "from 0 to 1"]),
                ("tracing", "sampling", -0.1, ["from 0 to 1"]),
                ("tracing", "sampling", True, ["true is not allowed"]),
                ("tracing", "transactionSearch", "yes", ["true or false"]),
                ("tracing", "sampled", 1, ["not known", "resourcePolicy, sampling, transactionSearch"]),
                ("alarms", "email", "nobody", ["an e-mail address"]),
                ("alarms", "topicArn", "alarms", ["arn:aws:sns:<region>:<account>:<name>"]),
                ("alarms", "topicArn", "arn:aws:sqs:us-east-1:123456789012:x", ["arn:aws:sns"]),
                ("alarms", "oldestMessageMinutes", 0, ["1 to 20160"]),
                ("alarms", "nobodyWorksMinutes", 721, ["3 to 720"]),
                ("alarms", "gpuBusyPercent", 0.5, ["0.5 is not allowed", "whole number"]),
                ("alarms", "failurePercent", 101, ["1 to 100"]),
                ("alarms", "latencySeconds", 30, ["at most 29"]),
            ]
        ),
        (
            {"observability": {"logRetentionDays": 31}},
            "observability.logRetentionDays",
            ["31 is not allowed", "14, 30, 60"],
        ),
        (
            {"observability": {"logRetentionDays": 30.0}},
            "observability.logRetentionDays",
            ["30.0 is not allowed"],
        ),
        ({"observability": {"alarms": 5}}, "observability.alarms", ["5 is not a mapping", "topicArn"]),
        (
            {"observability": {"alarms": {"email": "a@b.org", "topicArn": TOPIC}}},
            "observability.alarms",
            ["one of the two"],
        ),
        ({"vpc": 1}, "vpc", ["not known", "modelsRuntime"]),
    ],
)
def test_a_wrong_value_is_told_with_its_path_and_what_is_allowed(
    tmp_path: Path, changes: dict[str, Any], path: str, words: list[str]
) -> None:
    found = problems(tmp_path, config(**changes))
    assert [problem.partition(": ")[0] for problem in found] == [path]
    assert [word for word in words if word not in found[0]] == []


NUMBERS = [
    key
    for key in keys_of(Config)
    if isinstance(key.default, int | float) and not isinstance(key.default, bool)
]


def under(path: str, value: Any) -> dict[str, Any]:
    """Return a configuration with a value at a path of mappings."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return config(**value)


@pytest.mark.parametrize("key", NUMBERS, ids=[key.path for key in NUMBERS])
@pytest.mark.parametrize("word", ["yes", "off"])
def test_a_word_that_yaml_takes_for_true_or_false_is_no_number(tmp_path: Path, key: Key, word: str) -> None:
    assert len(NUMBERS) >= 14
    text = yaml.safe_dump(under(key.path, "THE WORD")).replace("THE WORD", word)
    found = [problem for problem in problems(tmp_path, text) if problem.startswith(f"{key.path}: ")]
    assert [word for word in ("is not allowed", key.allowed) if word not in found[0]] == []


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, {"stackName": "?", "modelsRuntime": [{"type": 1}]})
    assert [problem.partition(": ")[0] for problem in found] == [
        "stackName",
        "modelBucketArn",
        "modelsRuntime[0].name",
        "modelsRuntime[0].namespace",
        "modelsRuntime[0].type",
    ]


def test_a_long_value_is_shown_in_short(tmp_path: Path) -> None:
    [found] = problems(tmp_path, config(stackName="x" * 5000))
    assert len(found) < 300


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "null, not a mapping"),
        ("- a\n", '["a"], not a mapping'),
        ("a: [1\n", "no YAML"),
        ("a: 1\n\tb: 2\n", "line 2"),
        ("stackName: \x00", "no YAML"),
        ("a: 1\nstackName: 2026-13-45\n", '"2026-13-45" cannot be read as timestamp; put it in quotes'),
        ("a: 1\nstackName: 2026-13-45\n", "line 2, column 12"),
        ("a: !!int abc\n", '"abc" cannot be read as int'),
        ("a: !!int ''\n", '"" cannot be read as int'),
        ("a: !!float abc\n", '"abc" cannot be read as float'),
        ("a: !!bool abc\n", '"abc" cannot be read as bool'),
        ("a: !!timestamp abc\n", '"abc" cannot be read as timestamp'),
        ("!!int abc: 1\n", '"abc" cannot be read as int'),
        (f"a: {'9' * 5000}\n", "9... cannot be read as int"),
        (f"a: 0x{'f' * 5000}\n", "f... cannot be read as int"),
        (f"a: 1{':1' * 400}.5\n", ":... cannot be read as float"),
        (f"a: {'[' * 3000}\n", "nested too deeply"),
        (f"a: {'[' * 3000}{']' * 3000}\n", "nested too deeply"),
        (f"a: {'{b: ' * 3000}{'}' * 3000}\n", "nested too deeply"),
    ],
)
def test_a_file_that_is_no_mapping_is_told(tmp_path: Path, text: str, words: str) -> None:
    [found] = problems(tmp_path, text)
    assert words in found


def test_a_file_that_is_not_there_is_told_with_the_way_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"nowhere.yaml cannot be used:\n  there is no such file; CDK_CONFIG_PATH"
    ):
        load_config(tmp_path / "nowhere.yaml")


def test_a_folder_or_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    for unreadable in (tmp_path, path):
        with pytest.raises(ConfigError, match="cannot be read"):
            load_config(unreadable)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        *("stackName", "modelBucketArn", "APIGW", "modelsRuntime", "runtimeTypes", "inputs", "observability"),
        *("network", "kubernetesVersion", "systemNodes", "chartSources", "webhooks"),
    ]
)


@settings(deadline=None)
@given(changes=st.dictionaries(KEYS, JSON, max_size=4))
def test_no_value_of_any_key_ends_in_anything_but_a_configuration_or_an_explanation(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any]
) -> None:
    path = written(tmp_path_factory.mktemp("config"), config(**changes))
    try:
        told: Sequence[object] = load_config(path).models_runtime
    except ConfigError as exc:
        told = exc.problems
    assert told
