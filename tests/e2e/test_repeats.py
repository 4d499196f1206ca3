"""The same request again, another one with the same id, and an id that is used again."""

from task_schema import Status
from tests.e2e.listening import Heard
from tests.e2e.user import STATIC, STATIC_MODEL, User, new_id, request, text_to_image


def published(user: User, task_id: str) -> list[Heard]:
    return user.published.all(lambda heard: f'"{task_id}"' in heard.body)


def test_the_same_request_while_it_runs_gets_the_same_answer_and_makes_one_picture(user: User) -> None:
    task_id = new_id("twice")
    body = request(task_id, text_to_image(7))
    with user.holding(STATIC):
        answers = [user.post(body) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert {answer.headers["location"] for answer in answers} == {f"/prod/v1alpha2/tasks/{task_id}"}

    told = user.hears(task_id).json
    assert told["result"], told
    assert user.settled_row(task_id).submission == told["submission"]
    assert [message.json["submission"] for message in published(user, task_id)] == [told["submission"]]
    assert len([key for key in user.keys(f"e2e/{task_id}/") if key.endswith(".png")]) == 1
    assert len(user.told.all(lambda heard: heard.id == task_id)) == 1


def test_an_idempotency_key_makes_requests_the_same_whatever_their_bodies(user: User) -> None:
    task_id, key = new_id("keyed"), {"Idempotency-Key": new_id("key")}
    with user.holding(STATIC):
        first = user.post(request(task_id, text_to_image(1)), headers=key)
        second = user.post(request(task_id, text_to_image(2)), headers=key)
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.text == second.text
    [url] = user.hears(task_id).json["image_url"]
    assert "number 1" in user.picture(url).text["parameters"]
    assert len(published(user, task_id)) == 1


def test_the_older_api_takes_idempotency_keys_too(user: User) -> None:
    task_id, key = new_id("keyed-v1"), {"Idempotency-Key": new_id("key")}
    scripts = {"task": "text-to-image", "sd_model_checkpoint": STATIC_MODEL, "id_task": task_id}
    with user.holding(STATIC):
        answers = [
            user.post({**text_to_image(seed), "alwayson_scripts": scripts}, version="v1alpha1", headers=key)
            for seed in (1, 2)
        ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].text == answers[1].text
    [url] = user.hears(task_id).json["image_url"]
    assert "number 1" in user.picture(url).text["parameters"]
    assert len(published(user, task_id)) == 1


def test_another_request_with_the_id_of_an_unfinished_one_is_refused_and_does_not_disturb_it(
    user: User,
) -> None:
    task_id = new_id("taken")
    with user.holding(STATIC):
        user.submit(request(task_id, text_to_image(1)))
        answer = user.post(request(task_id, text_to_image(2)))
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "conflict"
    assert answer.json()["error"]["field"] == "task.metadata.id"
    [url] = user.hears(task_id).json["image_url"]
    assert "number 1" in user.picture(url).text["parameters"]
    assert len(published(user, task_id)) == 1


def test_an_id_is_free_again_once_its_task_has_ended_and_its_pictures_never_mix(user: User) -> None:
    task_id = new_id("again")
    pictures: list[str] = []
    submissions: list[str] = []
    for count, seed in enumerate((1, 1, 2), 1):  # the very same request, and another one
        user.submit(request(task_id, text_to_image(seed)))
        told = user.hears(task_id, count=count).json
        row = user.settled_row(task_id)
        assert (row.status, row.submission) == (Status.SUCCEEDED, told["submission"])
        assert f"number {seed}" in user.picture(told["image_url"][0]).text["parameters"]
        pictures += told["image_url"]
        submissions.append(told["submission"])
    assert len(set(submissions)) == 3
    assert len(set(pictures)) == 3
    assert all(user.picture(url) for url in pictures), "the earlier ones are still there"
