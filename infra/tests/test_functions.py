from typing import Any

import pytest

from infra.artifacts import Zips
from infra.assembly import dispatch_app, write
from infra.config import Config
from infra.testing import Template, resolved

FUNCTION = "AWS::Lambda::Function"


@pytest.fixture(scope="module", name="other")
def _other(settings: dict[str, Any], zips: Zips, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The dispatch stack on Graviton, with SnapStart, reserved concurrency and queues that are not fair."""
    functions = {
        "architecture": "arm64",
        "snapStart": True,
        "validatorConcurrency": 100,
        "statusConcurrency": 40,
    }
    config = Config.model_validate(
        settings | {"functions": functions, "APIGW": {"stageName": "prod", "fairQueues": False}}
    )
    app, _ = dispatch_app(config, zips=zips, outdir=tmp_path_factory.mktemp("cdk.out"))
    return Template.read(write(app), "sdoneksStack")


def test_all_functions_run_on_one_architecture(template: Template, other: Template) -> None:
    for made, architecture in ((template, "x86_64"), (other, "arm64")):
        functions = made.properties(FUNCTION).values()
        assert len(functions) >= 6
        assert [each["Architectures"] for each in functions] == [[architecture]] * len(functions)


def test_without_snap_start_nothing_has_a_version(template: Template) -> None:
    assert not {"AWS::Lambda::Version", "AWS::Lambda::Alias"} & template.types
    assert not [each for each in template.properties(FUNCTION).values() if "SnapStart" in each]


def test_with_snap_start_the_api_calls_the_newest_versions(other: Template) -> None:
    started = {
        name
        for name, each in other.properties(FUNCTION).items()
        if each.get("SnapStart") == {"ApplyOn": "PublishedVersions"}
    }
    aliases = other.properties("AWS::Lambda::Alias")
    assert {resolved(each["FunctionName"]).strip("<>") for each in aliases.values()} == started
    assert len(started) == 2
    assert {each["Name"] for each in aliases.values()} == {"live"}
    called = {
        name
        for name in aliases
        for method in other.properties("AWS::ApiGateway::Method").values()
        if f"<{name}>" in str(resolved(method.get("Integration", {}).get("Uri", "")))
    }
    assert called == set(aliases)
    allowed = {
        resolved(each["FunctionName"]) for each in other.properties("AWS::Lambda::Permission").values()
    }
    assert {f"<{name}>" for name in aliases} <= allowed


def reserved(template: Template) -> dict[str, int]:
    return {
        name.partition("Function")[0]: each["ReservedConcurrentExecutions"]
        for name, each in template.properties(FUNCTION).items()
        if "ReservedConcurrentExecutions" in each
    }


def test_nothing_is_reserved_of_an_accounts_concurrency_unless_it_is_asked_for(template: Template) -> None:
    assert reserved(template) == {}


def test_what_waits_for_tasks_can_be_kept_from_taking_what_submitting_needs(other: Template) -> None:
    assert reserved(other) == {"Validator": 100, "Status": 40}


@pytest.mark.parametrize("key", ["validatorConcurrency", "statusConcurrency"])
@pytest.mark.parametrize("value", [0, -1, 1.5, 100_001, "10", True])
def test_a_function_cannot_be_given_a_share_that_would_stop_it(
    settings: dict[str, Any], key: str, value: object
) -> None:
    with pytest.raises(ValueError, match=key):
        Config.model_validate(settings | {"functions": {key: value}})


def test_fair_queues_are_on_unless_they_are_turned_off(template: Template, other: Template) -> None:
    told = [
        each.only(FUNCTION, starting="Validator")[1]["Environment"]["Variables"]["FAIR_QUEUES"]
        for each in (template, other)
    ]
    assert told == ["true", "false"]
