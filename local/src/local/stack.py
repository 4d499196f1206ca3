"""The outputs of the dispatch stack (DESIGN section 8), and the API as it is reached on the emulator."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Json, ValidationError

from local.clients import Clients
from local.errors import DeployError


class StackOutputs(BaseModel):
    """The outputs that the local system needs; others are ignored."""

    model_config = ConfigDict(frozen=True)

    rest_api_id: Annotated[str, Field(alias="RestApiId")]
    stage: Annotated[str, Field(alias="StageName")]
    api_key_id: Annotated[str, Field(alias="ApiKeyId")]
    output_bucket: Annotated[str, Field(alias="OutputS3Bucket")]
    payload_bucket: Annotated[str, Field(alias="PayloadBucket")]
    tasks_table: Annotated[str, Field(alias="TasksTable")]
    notifications_topic: Annotated[str, Field(alias="sdNotificationOutputArn")]
    requests_topic: Annotated[str, Field(alias="sdNotificationLambdaARN")]
    queues: Annotated[Json[dict[str, str]], Field(alias="RuntimeQueues")]
    unrouted_queue_url: Annotated[str, Field(alias="UnroutedQueueUrl")]
    validator_function: Annotated[str, Field(alias="ValidatorFunctionName")]
    webhooks_function: Annotated[str | None, Field(alias="WebhooksFunctionName")] = None

    @classmethod
    def read(cls, outputs: dict[str, str]) -> "StackOutputs":
        """Read them.

        Raises:
            DeployError: one is missing or is not what it should be.
        """
        try:
            return cls.model_validate(outputs)
        except ValidationError as exc:
            names = ", ".join(str(error["loc"][0]) for error in exc.errors())
            raise DeployError(f"the dispatch stack has no usable output {names}") from exc

    def endpoint(self, emulator: str) -> str:
        """Return the API's address on the emulator, ending in `/`; the one for AWS leads nowhere here."""
        return f"{emulator}/_aws/execute-api/{self.rest_api_id}/{self.stage}/"


def api_key(clients: Clients, key_id: str) -> str:
    """Return the value of an API key."""
    return str(clients.client("apigateway").get_api_key(apiKey=key_id, includeValue=True)["value"])
