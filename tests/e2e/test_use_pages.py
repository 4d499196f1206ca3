"""The requests of docs/use, sent as they stand there; those with links are checked in tests/contract."""

import json

import pytest

from tests.contract.use_pages import JSON, posted
from tests.e2e.user import User, new_id

SENT = {
    name: text
    for name, text in {**JSON, **posted()}.items()
    if '"content":' in text and "https://" not in text
}


@pytest.mark.parametrize("name", sorted(SENT))
def test_a_request_of_the_pages_ends_with_a_picture(user: User, name: str) -> None:
    body = json.loads(SENT[name])
    task_id = body["task"]["metadata"]["id"] = new_id("page")
    accepted = user.submit(body)
    told = user.hears(task_id).json
    assert told["result"], told
    assert told["context"] == body["task"]["metadata"].get("context", {})
    assert all(url.startswith(accepted["output_location"] + "/") for url in told["image_url"])
    assert len(told["image_url"]) == body["task"]["content"].get("batch_size", 1)


def test_the_older_request_of_the_pages_ends_with_a_picture(user: User) -> None:
    (body,) = [json.loads(text) for text in JSON.values() if '"id_task": "test-t2i",\n' in text]
    task_id = body["alwayson_scripts"]["id_task"] = new_id("page")
    user.submit(body, version="v1alpha1")
    assert user.hears(task_id).json["result"]
