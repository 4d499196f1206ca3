"""What is read of a dispatch stack."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoRegionError
from botocore.parsers import ResponseParserError

from console.dispatch import Dispatch, dispatch_stack, telling, validator_runtimes
from console.errors import NoStackError, SettingsError


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeStacks")


class CloudFormation:
    """It has one stack, `sdStack`."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 - AWS' name
        self.asked.append(StackName)
        if StackName != "sdStack":
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist")
        outputs = [{"OutputKey": "TasksTable", "OutputValue": "tasks"}]
        return {"Stacks": [{"StackName": StackName, "StackStatus": "UPDATE_COMPLETE", "Outputs": outputs}]}


@pytest.mark.parametrize("name", ["sd", "sdStack"])
def test_a_stack_is_found_by_both_of_its_names(name: str) -> None:
    found = dispatch_stack(name, CloudFormation(), ["TasksTable"])
    assert found == Dispatch("sdStack", "UPDATE_COMPLETE", {"TasksTable": "tasks"})


def test_a_name_that_has_the_ending_is_asked_for_once() -> None:
    aws = CloudFormation()
    with pytest.raises(NoStackError, match="there is no stack otherStack"):
        dispatch_stack("otherStack", aws, [])
    assert aws.asked == ["otherStack"]


def test_the_first_output_that_is_missing_is_told_with_how_the_stack_stands() -> None:
    with pytest.raises(NoStackError, match="sdStack is UPDATE_COMPLETE and has no output ApiKeyId"):
        dispatch_stack("sd", CloudFormation(), ["TasksTable", "ApiKeyId", "Other"])


def test_another_refusal_than_that_there_is_no_stack_is_left_as_it_is() -> None:
    def refuse(**_: Any) -> Any:
        raise refusal("Throttling", "Rate exceeded")

    with pytest.raises(ClientError, match="Rate exceeded"):
        dispatch_stack("sd", SimpleNamespace(describe_stacks=refuse), [])


def test_runtimes_are_read_in_the_guide_s_words() -> None:
    text = '[{"name": "sd", "type": "sdwebui", "modelFilename": "a.safetensors", "taskTypes": ["x"]}]'
    told = {"Environment": {"Variables": {"RUNTIMES": text}}}
    function = SimpleNamespace(get_function_configuration=lambda **_: told)
    [spec] = validator_runtimes(function, "validator")
    assert (spec.name, spec.model_filename, spec.serves) == ("sd", "a.safetensors", ("x",))


def test_what_cannot_be_read_is_told_without_what_it_is() -> None:
    with pytest.raises(SettingsError, match="sdStack: the output RuntimeQueues cannot be read") as caught:
        Dispatch("sdStack", "CREATE_COMPLETE", {"RuntimeQueues": '{"a": ["secret"]}'}).queues()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NoRegionError(), r"^sd: You must specify a region\. Set AWS_PROFILE and AWS_REGION"),
        (refusal("AccessDenied", "not yours"), r"^sd: nothing is told: .*not yours\. Go away$"),
        (ResponseParserError("cut off"), r"^sd: nothing is told: cut off\. Go away$"),
    ],
)
def test_errors_of_the_sdk_become_another_with_what_to_do(error: Exception, said: str) -> None:
    with (
        pytest.raises(SettingsError, match=said),
        telling("sd", SettingsError, "nothing is told", advice="Go away"),
    ):
        raise error


def test_other_errors_are_left_as_they_are() -> None:
    with pytest.raises(NoStackError, match=r"^gone$"), telling("sd", SettingsError, "nothing is told"):
        raise NoStackError("gone")
