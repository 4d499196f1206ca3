import pytest

from local.errors import DeployError
from local.stack import StackOutputs

OUTPUTS = {
    "RestApiId": "abc",
    "StageName": "prod",
    "ApiKeyId": "k",
    "OutputS3Bucket": "o",
    "PayloadBucket": "p",
    "TasksTable": "t",
    "sdNotificationOutputArn": "arn:n",
    "sdNotificationLambdaARN": "arn:r",
    "RuntimeQueues": '{"sdruntime": "http://127.0.0.1:1/q"}',
    "UnroutedQueueUrl": "http://127.0.0.1:1/u",
    "ValidatorFunctionName": "f",
    "FrontApiEndpoint": "https://abc.execute-api.us-east-1.amazonaws.com/prod/",
}


def test_the_api_is_reached_on_the_emulator() -> None:
    stack = StackOutputs.read(OUTPUTS)
    assert stack.endpoint("http://127.0.0.1:9") == "http://127.0.0.1:9/_aws/execute-api/abc/prod/"
    assert stack.queues == {"sdruntime": "http://127.0.0.1:1/q"}


@pytest.mark.parametrize("broken", [{"RestApiId": None}, {"RuntimeQueues": "not json"}])
def test_an_output_that_is_missing_or_wrong_is_named(broken: dict[str, str | None]) -> None:
    outputs = {name: value for name, value in (OUTPUTS | broken).items() if value is not None}
    with pytest.raises(DeployError, match=next(iter(broken))):
        StackOutputs.read(outputs)
