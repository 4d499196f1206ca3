"""The pipeline: what it is made of, in which order it does things, and what it may."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.app import synthesise_from
from infra.config import Config
from infra.configuration.sections import keys_of
from infra.delivery.app import load_delivery, synthesise
from infra.delivery.needed import main as print_needed
from infra.delivery.settings import Delivery
from infra.errors import ArtifactMissingError, ConfigError
from infra.testing import Template, resolved

CONNECTION = "arn:aws:codeconnections:us-west-2:111122223333:connection/0a1b2c3d-1111-2222-3333-444455556666"
PIPELINE = "AWS::CodePipeline::Pipeline"
PROJECT = "AWS::CodeBuild::Project"


def delivery(**changes: Any) -> dict[str, Any]:
    settings = {
        "account": "111122223333",
        "region": "us-west-2",
        "source": {"repository": "painters/darkroom", "connectionArn": CONNECTION},
        "releases": "painters-releases",
        "stages": [
            {
                "name": "Staging",
                "config": "staging.yaml",
                "account": "222233334444",
                "region": "us-west-2",
                "verify": True,
            },
            {
                "name": "Production",
                "config": "production.yaml",
                "account": "333344445555",
                "region": "eu-west-1",
                "approval": True,
            },
        ],
    }
    return settings | changes


def deployment(name: str, **changes: Any) -> dict[str, Any]:
    runtime = {
        "name": "sdruntime",
        "namespace": "default",
        "type": "sdwebui",
        "modelFilename": "m.safetensors",
    }
    return {
        "stackName": name,
        "modelBucketArn": f"arn:aws:s3:::{name}-models",
        "modelsRuntime": [runtime],
    } | changes


def write_tree(root: Path, zip_path: Path, *, settings: dict[str, Any], production: dict[str, Any]) -> None:
    """Write what a checkout has: the pipeline's file, those of two deployments, zips and the chart."""
    files = {"delivery.yaml": settings, "staging.yaml": deployment("staging"), "production.yaml": production}
    for name, content in files.items():
        (root / name).write_text(yaml.safe_dump(content))
    for service in ("validator", "status", "notifier"):
        folder = root / "services" / service
        folder.mkdir(parents=True)
        (folder / "VERSION").write_text("1.2.3\n")
    (root / "dist").mkdir()
    for name in ("validator-1.2.3", "status-1.2.3", "notifier-1.2.3", "validator-1.2.2"):
        (root / "dist" / f"{name}.zip").write_bytes(zip_path.read_bytes() + name.encode())


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory, zip_path: Path) -> Path:
    root = tmp_path_factory.mktemp("delivery")
    released = {"validator": "1.2.2", "queueAgent": "0.3.1"}
    write_tree(root, zip_path, settings=delivery(), production=deployment("painters", release=released))
    return synthesise_from(
        {
            "DARKROOM_HOME": str(root),
            "DARKROOM_STACKS": "delivery",
            "DARKROOM_CHART": str(Path(__file__).parents[2] / "charts" / "sd-on-eks"),
        }
    )


@pytest.fixture(scope="module")
def pipeline(assembly: Path) -> Template:
    return Template.read(assembly, "darkroom-delivery")


def read(path: Path) -> Template:
    return Template(json.loads(path.read_text()))


def manifest(assembly: Path, stage: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((assembly / f"assembly-{stage}" / "manifest.json").read_text())
    return {
        name: artifact
        for name, artifact in found["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }


def build_specs(pipeline: Template) -> dict[str, dict[str, Any]]:
    projects = pipeline.properties(PROJECT)
    written = {name: resolved(found["Source"]["BuildSpec"]) for name, found in projects.items()}
    # That of the assets is a file beside the template.
    return {name: json.loads(spec) for name, spec in written.items() if not spec.endswith(".yaml")}


def commands(pipeline: Template, starting: str) -> list[str]:
    [spec] = [spec for name, spec in build_specs(pipeline).items() if name.startswith(starting)]
    return list(spec["phases"]["build"]["commands"])


def test_production_comes_after_staging_s_pictures_and_somebody_s_word(pipeline: Template) -> None:
    _, found = pipeline.only(PIPELINE)
    assert [stage["Name"] for stage in found["Stages"]] == [
        *("Source", "Build", "UpdatePipeline", "Assets", "Staging", "Production")
    ]
    staging, production = ([action["Name"] for action in stage["Actions"]] for stage in found["Stages"][-2:])
    order = {action["Name"]: action["RunOrder"] for action in found["Stages"][-2]["Actions"]}
    assert order["VerifyStaging"] == max(order.values())
    assert len([name for name in staging if name.endswith(".Deploy")]) == 4
    first = min(found["Stages"][-1]["Actions"], key=lambda action: action["RunOrder"])
    assert (first["Name"], first["ActionTypeId"]["Provider"]) == ("Approve", "Manual")
    assert "VerifyProduction" not in production


@pytest.mark.parametrize(
    ("stage", "name", "account", "region"),
    [
        ("Staging", "staging", "222233334444", "us-west-2"),
        ("Production", "painters", "333344445555", "eu-west-1"),
    ],
)
def test_each_stage_has_the_stacks_that_it_would_have_without_a_pipeline(
    assembly: Path, stage: str, name: str, account: str, region: str
) -> None:
    stacks = manifest(assembly, stage)
    assert {found["properties"]["stackName"] for found in stacks.values()} == {
        f"{name}Stack",
        f"{name}ObservabilityStack",
        f"{name}ClusterStack",
        f"{name}Runtime-sdruntime",
    }
    assert {found["environment"] for found in stacks.values()} == {f"aws://{account}/{region}"}


def test_a_release_reaches_a_deployment_by_a_line_of_its_file(assembly: Path) -> None:
    def code(stage: str) -> list[str]:
        templates = [read(path) for path in (assembly / f"assembly-{stage}").glob("*.template.json")]
        [dispatch] = [found for found in templates if "FrontApiEndpoint" in found.body.get("Outputs", {})]
        functions = dispatch.properties("AWS::Lambda::Function")
        return [json.dumps(each["Code"]) for name, each in functions.items() if name.startswith("Validator")]

    assert code("Staging") != code("Production")
    values = [path.read_text() for path in (assembly / "assembly-Production").glob("*Runtime*.template.json")]
    assert len(values) == 1
    assert r"\"tag\":\"0.3.1\"" in values[0]


def test_the_synth_step_takes_released_zips_and_may_read_nothing_else(pipeline: Template) -> None:
    run = commands(pipeline, "PipelineBuildSynth")
    assert run == [
        "./pants package infra:app",
        "build-support/take-releases painters-releases staging.yaml production.yaml",
        "DARKROOM_STACKS=delivery npx --no-install cdk synth --quiet",
    ]
    reading = [
        statement for _, statement in pipeline.statements() if "painters-releases" in json.dumps(statement)
    ]
    assert [(each["Action"], each["Effect"]) for each in reading] == [("s3:GetObject", "Allow")]


def test_verifying_reads_with_the_lookup_role_of_its_own_account(pipeline: Template) -> None:
    run = commands(pipeline, "PipelineStagingVerifyStaging")
    assert "cdk-hnb659fds-lookup-role-222233334444-us-west-2" in run[0]
    assert run[1].endswith("./darkroom verify --stack-name staging")
    assuming = [
        statement["Resource"]
        for name, statement in pipeline.statements()
        if name.startswith("PipelineStagingVerify") and "Resource" in statement
        if statement["Action"] == "sts:AssumeRole"
    ]
    assert len(assuming) == 1
    assert "333344445555" not in json.dumps(assuming)


def test_without_a_bucket_of_releases_the_zips_are_built(tmp_path: Path, zip_path: Path) -> None:
    settings = delivery(stages=[delivery()["stages"][0]])
    del settings["releases"]
    write_tree(tmp_path, zip_path, settings=settings, production=deployment("painters"))
    pipeline = load_delivery(tmp_path / "delivery.yaml")
    written = synthesise(pipeline, root=tmp_path, outdir=tmp_path / "cdk.out", chart=None)
    run = commands(Template.read(written, "darkroom-delivery"), "PipelineBuildSynth")
    assert run[0].startswith("./pants package infra:app services/validator::")
    assert not any("take-releases" in command for command in run)


def test_needed_zips_are_named_with_their_place_in_the_bucket(
    tmp_path: Path, zip_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = deployment("painters", release={"validator": "1.2.2"}, functions={"architecture": "arm64"})
    write_tree(tmp_path, zip_path, settings=delivery(), production=changed)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["needed", "staging.yaml", "production.yaml", "staging.yaml"])
    assert print_needed() == 0
    assert capsys.readouterr().out.split() == [
        "validator-v1.2.3/validator-1.2.3.zip",
        "status-v1.2.3/status-1.2.3.zip",
        "notifier-v1.2.3/notifier-1.2.3.zip",
        "validator-v1.2.2/validator-arm64-1.2.2.zip",
        "status-v1.2.3/status-arm64-1.2.3.zip",
        "notifier-v1.2.3/notifier-arm64-1.2.3.zip",
    ]


def test_a_file_that_cannot_be_used_is_told_by_the_command_that_names_zips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["needed", str(tmp_path / "nowhere.yaml")])
    assert print_needed() == 1
    assert "nowhere.yaml" in capsys.readouterr().err


def test_a_release_that_was_not_taken_is_asked_for_by_its_key(tmp_path: Path, zip_path: Path) -> None:
    asked = deployment("painters", release={"notifier": "9.9.9"})
    write_tree(tmp_path, zip_path, settings=delivery(), production=asked)
    env = {"DARKROOM_HOME": str(tmp_path), "CDK_CONFIG_PATH": str(tmp_path / "production.yaml")}
    with pytest.raises(ArtifactMissingError, match=r"notifier-9\.9\.9\.zip .* release\.notifier asks for it"):
        synthesise_from(env)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stages": []}, "stages: [] is not allowed; allowed is a list of 1 to 10 stages"),
        (
            {"account": 111122223333},
            "account: 111122223333 is not allowed; allowed is twelve digits, in quotes",
        ),
        ({"source": {"repository": "painters/darkroom"}}, "source.connectionArn: is required"),
        ({"pipeline": "x"}, "pipeline: this key is not known here"),
        (
            {"stages": [delivery()["stages"][0], delivery()["stages"][0] | {"config": "other.yaml"}]},
            'stages[1].name: "Staging" is the name of stages[0] already',
        ),
        (
            {"stages": [delivery()["stages"][0], delivery()["stages"][0] | {"name": "Again"}]},
            "stages[1]: stages[0] is the very same deployment",
        ),
        (
            {"stages": [delivery()["stages"][0] | {"config": "../elsewhere.yaml;rm"}]},
            'stages[0].config: "../elsewhere.yaml;rm" is not allowed',
        ),
    ],
)
def test_a_wrong_file_says_where_and_what_instead(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = tmp_path / "delivery.yaml"
    path.write_text(yaml.safe_dump(delivery(**changes)))
    with pytest.raises(ConfigError) as refused:
        load_delivery(path)
    assert any(problem.startswith(said) for problem in refused.value.problems), refused.value.problems


def test_a_pipeline_that_is_not_there_names_the_variable_for_another_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="DARKROOM_DELIVERY names another one"):
        load_delivery(tmp_path / "delivery.yaml")


def test_all_keys_say_what_they_are_for_and_what_is_allowed() -> None:
    keys = list(keys_of(Delivery))
    assert "stages[].approval" in {key.path for key in keys}
    assert all(key.meaning and key.allowed for key in keys)


def test_the_page_s_examples_can_be_used(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "deploy" / "delivery.md").read_text(encoding="utf-8")
    pipeline, release = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    (tmp_path / "delivery.yaml").write_text(pipeline)
    found = load_delivery(tmp_path / "delivery.yaml")
    assert [(stage.name, stage.verify, stage.approval) for stage in found.stages] == [
        ("Staging", True, False),
        ("Production", False, True),
    ]
    assert Config.model_validate(deployment("x") | yaml.safe_load(release)).release.queue_agent == "0.3.1"
    documented = set(
        re.findall(r"`([a-zA-Z.\[\]]+)`", " ".join(re.findall(r"^\| (.*?) \|", page, flags=re.MULTILINE)))
    )
    assert documented == {key.path for key in keys_of(Delivery) if key.section is None}
