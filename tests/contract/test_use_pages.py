"""What docs/use shows is true: requests are accepted, answers are of the shape that is written."""

import json
import re
import subprocess
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from openapi_schema_validator import OAS31Validator

from task_schema import (
    Deployment,
    Notification,
    Refusal,
    RequestCode,
    RuntimeSpec,
    TaskCode,
    parse_upload,
    parse_v1alpha1,
    parse_v1alpha2,
)
from task_schema.openapi import document
from tests.contract.bad_requests import RUNTIMES
from tests.contract.use_pages import JSON, OTHERS, PAGES, SCRIPTS, curls, option, posted

DOCUMENT = document()
DEPLOYMENT = Deployment(runtimes=tuple(RuntimeSpec.model_validate(each) for each in RUNTIMES))
ENDPOINT = "https://abcdefghij.execute-api.us-east-1.amazonaws.com/prod/"
JQ_PROGRAM = re.compile(r"^jq '([^']*)'", re.MULTILINE)


def schema(name: str) -> OAS31Validator:
    ref = {"$ref": f"#/components/schemas/{name}"}
    return OAS31Validator({**ref, "components": DOCUMENT["components"]})


def check_request(body: Any) -> None:
    parse = parse_v1alpha2 if "task" in body else parse_v1alpha1
    parse(json.dumps(body), DEPLOYMENT)


def check_upload(body: Any) -> None:
    parse_upload(json.dumps(body), max_bytes=32 * 1024 * 1024)


def check_refusal(body: Any) -> None:
    Refusal.model_validate(body)


def check_notification(body: Any) -> None:
    Notification.model_validate(body)


# What a body is by a key of it: the first that it has.
KINDS: dict[str, Callable[[Any], None]] = {
    "task": check_request,
    "alwayson_scripts": check_request,
    "errors": check_refusal,
    "result": check_notification,
    "sd_model_checkpoint": schema("AcceptedV1Alpha1").validate,
    "id_task": schema("Accepted").validate,
    "reference": schema("Upload").validate,
    "tasks": schema("TaskList").validate,
    "status": schema("TaskView").validate,
}


def kind(body: Any) -> str:
    return next(key for key in KINDS if key in body)


@pytest.mark.parametrize("name", sorted(JSON))
def test_what_is_shown_as_json_is_what_the_system_takes_or_says(name: str) -> None:
    body = json.loads(JSON[name])
    KINDS[kind(body)](body)
    assert body


def test_every_kind_of_body_is_shown() -> None:
    assert {kind(json.loads(text)) for text in JSON.values()} == set(KINDS)


def test_every_task_type_is_shown() -> None:
    bodies = [json.loads(text) for text in (*JSON.values(), *posted().values())]
    types = {body["task"]["metadata"]["tasktype"] for body in bodies if "task" in body}
    assert types == {kind for spec in DEPLOYMENT.runtimes for kind in spec.serves}


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_script_is_one_that_a_shell_can_read(name: str) -> None:
    done = subprocess.run(["bash", "-n"], input=SCRIPTS[name], text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", sorted(name for name, text in SCRIPTS.items() if "curl " in text))
def test_a_curl_calls_an_operation_of_the_api(name: str) -> None:
    (words,) = list(curls(SCRIPTS[name]))
    url = urlsplit(next(word for word in words if "ENDPOINT" in word).replace("${ENDPOINT}", ENDPOINT))
    data = option(words, "-d")
    method = (option(words, "-X") or ("GET" if data is None else "POST")).lower()
    path = re.sub("/tasks/.+", "/tasks/{id}", url.path.removeprefix("/prod"))
    operation = DOCUMENT["paths"][path][method]
    assert set(parse_qs(url.query)) <= {each.get("name") for each in operation.get("parameters", [])}
    headers = [words[index + 1] for index, word in enumerate(words) if word == "-H"]
    assert "x-api-key: $API_KEY" in headers
    if data is not None:
        assert "Content-Type: application/json" in headers
    if data not in {None, "@-"}:
        check = check_upload if path.endswith("/uploads") else check_request
        check(json.loads(data or ""))


def test_the_task_that_jq_makes_of_a_workflow_is_accepted() -> None:
    """jq's object syntax is JSON but for the keys' quotes and the dot, which stands for the file."""
    (program,) = [match for text in SCRIPTS.values() for match in JQ_PROGRAM.findall(text)]
    workflow = json.loads(JSON["comfyui.md 1"])["task"]["content"]
    text = re.sub(r"(\w+): ", r'"\1": ', program).replace(
        '"content": .', f'"content": {json.dumps(workflow)}'
    )
    check_request(json.loads(text))


def test_every_code_is_explained_with_its_status() -> None:
    requests, tasks = PAGES["errors.md"].split("## Of tasks")
    told = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", requests, re.MULTILINE)
    assert sorted((int(status), code) for status, code in told) == sorted(
        (code.http_status, code.value) for code in RequestCode
    )
    retryable = dict(re.findall(r"^\| `(\w+)` \| (yes|no) \|", tasks, re.MULTILINE))
    assert retryable == {code.value: "yes" if code.retryable else "no" for code in TaskCode}


def test_links_between_the_pages_lead_somewhere() -> None:
    for name, page in PAGES.items():
        for target, anchor in re.findall(r"\]\((?!https?:|\.\./)([^)#]*)#?([^)]*)\)", page):
            there = PAGES.get(target or name) if target not in OTHERS else ""
            assert there is not None, f"{name}: {target}"
            titles = re.findall(r"^#+ (.*)", there, re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
            assert not anchor or anchor in slugs, f"{name}: {target}#{anchor}"


def test_the_way_in_names_every_page() -> None:
    assert all(f"({name})" in PAGES["README.md"] for name in PAGES if name != "README.md")
