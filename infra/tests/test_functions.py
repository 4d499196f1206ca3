from typing import Any

import pytest

from infra.artifacts import Zips
from infra.assembly import dispatch_app, write
from infra.config import Config
from infra.testing import Template, resolved

FUNCTION = "AWS::Lambda::Function"


@pytest.fixture(scope="module", name="other")
def _other(settings: dict[str, Any], zips: Zips, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The dispatch stack on Graviton, with SnapStart."""
    functions = {"functions": {"architecture": "arm64", "snapStart": True}}
    config = Config.model_validate(settings | functions)
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
