import io
import json
from pathlib import Path

from PIL import Image
from rich.console import Console

from darkroom_cli.bodies import Request
from darkroom_cli.demo import EXAMPLES, Row, Saved, painted, prepared, table, title, with_link
from darkroom_cli.errors import RefusedError
from darkroom_cli.tasks import Outcome
from task_schema import Fault, Notification, RequestCode

LINK = "http://127.0.0.1:1/x/cat.png"


def requests() -> list[Request]:
    return list(prepared("abc123", LINK))


def test_the_six_requests_of_the_guide_get_ids_of_their_own() -> None:
    ids = [request.id for request in requests()]
    assert len(set(ids)) == len(EXAMPLES) == 6
    assert all(task_id.endswith("-abc123") for task_id in ids)


def test_no_link_leads_out_of_the_machine() -> None:
    text = json.dumps([request.body for request in requests()])
    assert text.count(LINK) == 3
    assert "https://" not in text


def test_the_pipeline_goes_to_the_runtime_that_can_do_it() -> None:
    assert {request.tasktype: request.runtime for request in requests()}["pipeline"] == "comfyruntime"


def test_only_strings_that_are_links_as_a_whole_are_replaced() -> None:
    value = {"a": ["https://h/a.png", "see https://h"], "b": {"c": "http://h"}, "n": 1}
    assert with_link(value, "L") == {"a": ["L", "see https://h"], "b": {"c": "L"}, "n": 1}


def test_the_picture_that_is_served_is_one() -> None:
    with Image.open(io.BytesIO(painted())) as picture:
        assert (picture.format, picture.size) == ("PNG", (512, 512))


def test_the_table_shows_what_came_back_and_what_did_not() -> None:
    first, second, *_ = requests()
    told = Notification.succeeded(
        task_id=first.id,
        submission="s",
        runtime="sdruntime",
        context={},
        images=["s3://b/a.png"],
        output_url="o",
    )
    refused = RefusedError(400, [Fault(code=RequestCode.BAD_VALUE, message="no")])
    rows = [
        Row(
            EXAMPLES[0],
            Outcome(first, notification=told, seconds=0.75),
            (Saved(Path("/o/a.png"), "512x512"),),
        ),
        Row(EXAMPLES[1], Outcome(second, refused=refused), problem=str(refused)),
    ]
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(table(rows))
    text = console.export_text()
    assert "text-to-image v1alpha1" in text
    for shown in ("0.75", "a.png", "512x512", "failed"):
        assert shown in text


def test_examples_are_titled_as_people_say_them() -> None:
    assert title("v1alpha2-extra-single-image") == "extra-single-image v1alpha2"
