from pathlib import Path
from typing import Any

import pytest
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_sns as sns

from infra.artifacts import Zips
from infra.assembly import dispatch_app, synthesise, write
from infra.config import Config
from infra.errors import SynthesisError
from infra.testing import Template

DEPLOYMENT = "AWS::ApiGateway::Deployment"


def test_cdk_nag_has_nothing_to_say(assembly: Path) -> None:
    report = (assembly / "validation-report.json").read_text()
    assert '"pluginReports": []' in report


def test_cdk_nag_stops_what_breaks_its_rules(settings: dict[str, Any], zips: Zips, tmp_path: Path) -> None:
    app, stack = dispatch_app(Config.model_validate(settings), zips=zips, outdir=tmp_path)
    sns.Topic(stack, "Careless")
    with pytest.raises(SynthesisError, match="cannot be synthesised"):
        write(app)
    assert "AwsSolutions-SNS3" in (tmp_path / "validation-report.json").read_text()


def test_what_the_cdk_refuses_while_things_are_made_is_told_like_what_it_refuses_later(
    settings: dict[str, Any], zips: Zips, tmp_path: Path
) -> None:
    nowhere = tmp_path / "no chart"
    with pytest.raises(SynthesisError, match=r"cannot be synthesised.*no chart"):
        synthesise(Config.model_validate(settings), zips=zips, outdir=tmp_path / "out", chart=nowhere)


def test_a_changed_method_makes_a_new_deployment_of_the_api(
    settings: dict[str, Any], zips: Zips, tmp_path: Path, template: Template
) -> None:
    app, stack = dispatch_app(Config.model_validate(settings), zips=zips, outdir=tmp_path)
    answers = [apigateway.MethodResponse(status_code="200")]
    resource = stack.front.api.root.add_resource("more")
    resource.add_method("GET", apigateway.MockIntegration(), api_key_required=True, method_responses=answers)
    changed = Template.read(write(app), "sdoneksStack")
    assert set(changed.resources(DEPLOYMENT)) != set(template.resources(DEPLOYMENT))
