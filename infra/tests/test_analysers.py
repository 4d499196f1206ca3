"""What cfn-lint and checkov say of the templates: nothing that has no reason beside it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from infra.testing import Template
from sd_on_eks_chart.analysers import Report, cfn_lint, checkov

# W3005: a dependency that is said twice. The CDK says that of a function's role in each function.
IGNORED = ["W3005"]


@pytest.fixture(scope="module", name="report")
def _report(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("templates")
    for path in whole.glob("*.template.json"):
        shutil.copy(path, folder)
    return checkov(folder, "cloudformation")


@pytest.mark.parametrize(
    ("deployment", "regions"),
    [("sdoneks", ["us-east-1", "eu-central-1"]), ("painters", ["cn-north-1", "cn-northwest-1"])],
)
def test_cfn_lint_has_nothing_to_say(whole: Path, deployment: str, regions: list[str]) -> None:
    templates = sorted(whole.glob(f"{deployment}*.template.json"))
    assert len(templates) >= 4  # dispatch, observability, cluster, runtimes
    assert cfn_lint(templates, regions=regions, ignored=IGNORED) == []


def test_checkov_has_nothing_to_say_that_is_not_answered(report: Report) -> None:
    assert report.failed == ()
    assert report.passed > 300


def test_each_answer_to_checkov_is_to_something_that_it_says(whole: Path, report: Report) -> None:
    answered = set()
    for path in whole.glob("*.template.json"):
        body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for name, resource in body["Resources"].items():
            for each in resource.get("Metadata", {}).get("checkov", {}).get("skip", []):
                assert len(each["comment"]) > 20
                answered.add(f"{each['id']} {resource['Type']}.{name}")
    assert answered == set(report.skipped)


def test_both_find_what_is_wrong(tmp_path: Path, template: Template) -> None:
    path = tmp_path / "careless.template.json"
    name, table = template.only("AWS::DynamoDB::Table")
    changed = {key: value for key, value in table.items() if key != "PointInTimeRecoverySpecification"}
    careless = {"Type": "AWS::DynamoDB::Table", "Properties": changed | {"BillingMode": "FREE_OF_CHARGE"}}
    path.write_text(json.dumps({"Resources": {name: careless}}), encoding="utf-8")
    assert f"CKV_AWS_28 AWS::DynamoDB::Table.{name}" in checkov(tmp_path, "cloudformation").failed
    found = cfn_lint([path], regions=["us-east-1"], ignored=IGNORED)
    assert any("E3030" in line and "FREE_OF_CHARGE" in line for line in found)
