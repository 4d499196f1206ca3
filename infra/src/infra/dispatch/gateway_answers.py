"""What API Gateway itself answers, in the shape and with the codes of DESIGN 4.1.

Without these it answers `{"message": ...}` with codes that differ from the validator's for the same fault.
"""

import json
from dataclasses import dataclass

from aws_cdk.aws_apigateway import ResponseType, RestApi

from task_schema import RequestCode

MESSAGE_FROM_GATEWAY = "$context.error.messageString"  # API Gateway puts a quoted string here


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to one kind of gateway error."""

    type: ResponseType
    code: RequestCode
    message: str | None  # None: the gateway's own words
    retry_after: int | None = None  # seconds

    @property
    def template(self) -> str:
        """The body."""
        return refusal(self.code, self.message)

    @property
    def headers(self) -> dict[str, str]:
        """Header names to expressions of API Gateway; static values stand in single quotes."""
        return {} if self.retry_after is None else {"Retry-After": f"'{self.retry_after}'"}


def refusal(code: RequestCode, message: str | None) -> str:
    """Return the body of a refusal with one fault; without a message, a template that takes the gateway's."""
    text = MESSAGE_FROM_GATEWAY if message is None else json.dumps(message)
    fault = f'{{"code": "{code}", "message": {text}, "field": null}}'
    return f'{{"error": {fault}, "errors": [{fault}]}}'


_NO_KEY = "the header x-api-key is missing, or its value is not a key of this API"
_SIGNED = "requests are not signed here: leave the header Authorization out and send x-api-key"
_NOT_FOUND = "this API has no such path"
_THROTTLED = "too many requests with this API key; send this one again in a moment"
_QUOTA = "the quota of this API key is used up"
_UNAVAILABLE = "the request could not be handled just now; it is safe to send it again"

_ANSWERS = (
    (ResponseType.INVALID_API_KEY, RequestCode.UNAUTHORIZED, _NO_KEY, None),
    (ResponseType.UNAUTHORIZED, RequestCode.UNAUTHORIZED, _SIGNED, None),
    (ResponseType.ACCESS_DENIED, RequestCode.UNAUTHORIZED, _SIGNED, None),
    (ResponseType.EXPIRED_TOKEN, RequestCode.UNAUTHORIZED, _SIGNED, None),
    (ResponseType.INVALID_SIGNATURE, RequestCode.UNAUTHORIZED, _SIGNED, None),
    (
        ResponseType.WAF_FILTERED,
        RequestCode.UNAUTHORIZED,
        "a rule of the web application firewall refused this",
        None,
    ),
    # API Gateway's word for a path or method that it does not know.
    (ResponseType.MISSING_AUTHENTICATION_TOKEN, RequestCode.NOT_FOUND, _NOT_FOUND, None),
    (ResponseType.RESOURCE_NOT_FOUND, RequestCode.NOT_FOUND, _NOT_FOUND, None),
    (ResponseType.THROTTLED, RequestCode.THROTTLED, _THROTTLED, 1),
    (ResponseType.QUOTA_EXCEEDED, RequestCode.THROTTLED, _QUOTA, 3600),
    (ResponseType.REQUEST_TOO_LARGE, RequestCode.TOO_LARGE, "the body is larger than this API takes", None),
    (
        ResponseType.UNSUPPORTED_MEDIA_TYPE,
        RequestCode.UNSUPPORTED_MEDIA_TYPE,
        "send JSON, as application/json",
        None,
    ),
    (ResponseType.BAD_REQUEST_BODY, RequestCode.BAD_JSON, "the body is not what this API takes", None),
    (
        ResponseType.BAD_REQUEST_PARAMETERS,
        RequestCode.BAD_VALUE,
        "a header or parameter is missing or wrong",
        None,
    ),
    (ResponseType.DEFAULT_4_XX, RequestCode.BAD_VALUE, None, None),
    (ResponseType.INTEGRATION_TIMEOUT, RequestCode.UNAVAILABLE, _UNAVAILABLE, 1),
    (ResponseType.INTEGRATION_FAILURE, RequestCode.UNAVAILABLE, _UNAVAILABLE, 1),
    (ResponseType.API_CONFIGURATION_ERROR, RequestCode.UNAVAILABLE, _UNAVAILABLE, 1),
    (ResponseType.DEFAULT_5_XX, RequestCode.UNAVAILABLE, _UNAVAILABLE, 1),
)

ANSWERS = tuple(
    Answer(type=kind, code=code, message=message, retry_after=retry_after)
    for kind, code, message, retry_after in _ANSWERS
)


def add_gateway_answers(api: RestApi) -> None:
    """Give an API all of these answers."""
    for answer in ANSWERS:
        api.add_gateway_response(
            answer.type.response_type,
            type=answer.type,
            status_code=str(answer.code.http_status),
            response_headers=answer.headers,
            templates={"application/json": answer.template},
        )
