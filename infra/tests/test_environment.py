import json

import pytest

from infra.dispatch.environment import MAX_ENVIRONMENT_BYTES, runtimes_json, validator_environment
from infra.errors import EnvironmentTooBigError
from task_schema import Deployment, RuntimeSpec


def environment(deployment: Deployment) -> dict[str, str]:
    return validator_environment(
        tasks_table="tasks",
        requests_topic_arn="arn:aws:sns:us-east-1:123456789012:requests",
        payload_bucket="payloads",
        output_bucket="outputs",
        deployment=deployment,
        fair_queues=True,
    )


def webuis(count: int) -> Deployment:
    return Deployment(
        runtimes=tuple(
            RuntimeSpec(
                name=f"runtime-{n:02}", type="sdwebui", model_filename=f"model-number-{n:02}.safetensors"
            )
            for n in range(count)
        )
    )


def test_the_runtimes_come_back_from_the_environment_as_they_were() -> None:
    deployment = Deployment(
        runtimes=(
            RuntimeSpec(name="static", type="sdwebui", model_filename="größe.ckpt"),
            RuntimeSpec(name="dynamic", type="sdwebui", dynamic_model=True),
            RuntimeSpec(name="own", type="video", task_types=("text-to-video",)),
        )
    )
    read = json.loads(environment(deployment)["RUNTIMES"])
    assert Deployment.model_validate({"runtimes": read}) == deployment


def test_the_runtimes_take_no_more_room_than_they_must() -> None:
    deployment = Deployment(runtimes=(RuntimeSpec(name="c", type="comfyui"),))
    assert runtimes_json(deployment) == '[{"name":"c","type":"comfyui"}]'


def test_too_many_runtimes_are_refused_with_the_cause() -> None:
    with pytest.raises(EnvironmentTooBigError) as caught:
        environment(webuis(50))
    message = str(caught.value)
    assert message.startswith("modelsRuntime: 50 runtimes are too many")
    assert "Lambda takes 4096" in message


def test_what_is_let_through_fits_lambda_even_with_the_longest_names_that_aws_may_make() -> None:
    fitting = 0
    for count in range(1, 60):
        try:
            made = environment(webuis(count))
        except EnvironmentTooBigError:
            break
        fitting = count
        longest = made | {
            "TASKS_TABLE": "t" * 255,
            "REQUESTS_TOPIC_ARN": "arn:aws-us-gov:sns:us-gov-west-1:123456789012:" + "t" * 256,
            "PAYLOAD_BUCKET": "b" * 63,
            "OUTPUT_BUCKET": "b" * 63,
        }
        assert (
            len(json.dumps(longest, ensure_ascii=False, separators=(",", ":")).encode())
            <= MAX_ENVIRONMENT_BYTES
        )
    assert 25 <= fitting < 59
