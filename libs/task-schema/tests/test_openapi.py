import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from task_schema import (
    Deployment,
    Refusal,
    RequestCode,
    RuntimeSpec,
    parse_upload,
    parse_v1alpha1,
    parse_v1alpha2,
)
from task_schema.openapi import document, document_text

KEPT = Path(__file__).parents[1] / "schemas" / "openapi.json"
DOCUMENT = document()
RUNTIME = {"name": "sdruntime", "modelFilename": "v1-5-pruned-emaonly.safetensors"}


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield f"{method.upper()} {path}", operation


def bodies() -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """All examples: where, the example, its schema."""
    for name, operation in operations():
        media = [("request", operation.get("requestBody"))]
        media += [*operation["responses"].items()]
        for what, holder in media:
            for kind in (holder or {}).get("content", {}).values():
                for example, of_it in kind.get("examples", {}).items():
                    yield f"{name} {what} {example}", of_it["value"], kind["schema"]


BODIES = {name: (example, schema) for name, example, schema in bodies()}


def test_the_kept_document_is_what_the_models_say() -> None:
    """If this fails: python -m task_schema.openapi libs/task-schema/schemas/openapi.json."""
    assert KEPT.read_text(encoding="utf-8") == document_text()


def test_it_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    validate(DOCUMENT)


def test_it_has_all_routes() -> None:
    assert sorted(name for name, _ in operations()) == [
        "DELETE /v1alpha2/tasks/{id}",
        "GET /v1alpha2/tasks",
        "GET /v1alpha2/tasks/{id}",
        "POST /v1alpha1",
        "POST /v1alpha2",
        "POST /v1alpha2/uploads",
    ]


@pytest.mark.parametrize("name", sorted(BODIES))
def test_an_example_fits_its_schema(name: str) -> None:
    example, schema = BODIES[name]
    validator = OAS31Validator({**schema, "components": DOCUMENT["components"]})
    assert [error.message for error in validator.iter_errors(example)] == []


UPLOAD = "POST /v1alpha2/uploads request"


@pytest.mark.parametrize(
    "name", sorted(name for name in BODIES if " request " in name and not name.startswith(UPLOAD))
)
def test_a_request_of_the_examples_is_accepted(name: str) -> None:
    example = BODIES[name][0]
    runtime_type = "comfyui" if name.endswith("pipeline") else "sdwebui"
    deployment = Deployment(runtimes=(RuntimeSpec.model_validate({**RUNTIME, "type": runtime_type}),))
    parse = parse_v1alpha1 if "v1alpha1" in name else parse_v1alpha2
    assert parse(json.dumps(example), deployment).metadata.runtime == "sdruntime"


def test_an_upload_of_the_examples_is_granted() -> None:
    [example] = [example for name, (example, _) in BODIES.items() if name.startswith(UPLOAD)]
    assert parse_upload(json.dumps(example), max_bytes=example["size"]).content_type == "image/png"


def test_each_code_of_a_refusal_stands_below_its_status() -> None:
    told: set[RequestCode] = set()
    for name, operation in operations():
        for status, response in operation["responses"].items():
            for kind in response.get("content", {}).values():
                if kind["schema"] == {"$ref": "#/components/schemas/Refusal"}:
                    codes = {Refusal.model_validate(e["value"]).error.code for e in kind["examples"].values()}
                    assert {code.http_status for code in codes} == {int(status)}, name
                    told |= codes
    assert told == set(RequestCode) - {RequestCode.METHOD_NOT_ALLOWED}


@pytest.mark.parametrize("name", sorted(name for name, _ in operations()))
def test_each_operation_tells_of_a_missing_key_of_throttling_and_of_bad_days(name: str) -> None:
    responses = dict(operations())[name]["responses"]
    assert {"401", "429", "503"} <= set(responses)
    assert all("Retry-After" in responses[status]["headers"] for status in ("429", "503"))


def test_answers_name_their_headers() -> None:
    paths = DOCUMENT["paths"]
    assert set(paths["/v1alpha2"]["post"]["responses"]["200"]["headers"]) == {"Location"}
    for method, status in (("get", "200"), ("get", "304"), ("delete", "202")):
        headers = paths["/v1alpha2/tasks/{id}"][method]["responses"][status]["headers"]
        assert set(headers) == {"ETag", "Retry-After"}
    assert DOCUMENT["components"]["securitySchemes"]["apiKey"]["name"] == "x-api-key"


def test_an_unknown_field_of_metadata_does_not_fit_the_schema() -> None:
    body, schema = BODIES["POST /v1alpha2 request text-to-image"]
    wrong = json.loads(json.dumps(body))
    wrong["task"]["metadata"]["priority"] = 1
    validator = OAS31Validator({**schema, "components": DOCUMENT["components"]})
    assert validator.is_valid(body)
    assert not validator.is_valid(wrong)


def test_the_command_writes_the_document(tmp_path: Path) -> None:
    target = tmp_path / "openapi.json"
    subprocess.run([sys.executable, "-m", "task_schema.openapi", target], check=True)
    assert target.read_text(encoding="utf-8") == document_text()


def test_the_command_without_a_file_tells_its_use() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "task_schema.openapi"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "usage" in done.stderr


def test_reading_requests_does_not_import_it() -> None:
    look = "import sys, task_schema; print([name for name in sys.modules if 'openapi' in name])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
