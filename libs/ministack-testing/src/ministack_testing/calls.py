"""Which AWS service and operation a request calls, and how that service says that it failed."""

import json
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from ministack_testing.wire import Head

OTHER = "other"

_S3_OF_OBJECT = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
_S3_OF_BUCKET = {"PUT": "CreateBucket", "GET": "ListObjects", "HEAD": "HeadBucket", "DELETE": "DeleteBucket"}


@dataclass(frozen=True, slots=True)
class Call:
    """A call as rules and statistics know it.

    `service` is the name that signs the request ("s3", "sqs", "sns", "dynamodb", ...), else "other";
    `operation` the API's name, of other requests the method; `path` has no query.
    """

    service: str
    operation: str
    path: str

    @property
    def name(self) -> str:
        """Service and operation in one word."""
        return f"{self.service}.{self.operation}"


def names_operation_in_body(head: Head) -> bool:
    """Whether the operation is not in the head (SNS and others with the query protocol)."""
    return _service(head) not in {OTHER, "s3"} and "x-amz-target" not in head.headers


def classify(head: Head, first_of_body: bytes = b"") -> Call:
    """Tell the call from a request's head, and from the first bytes of its body where those are needed."""
    service = _service(head)
    address = urlsplit(head.target)
    if target := head.headers.get("x-amz-target"):
        operation = target.rpartition(".")[2]
    elif service == "s3":
        operation = _s3_operation(head.method, address.path, address.query)
    elif service != OTHER and (action := _action(first_of_body) or _action(address.query.encode())):
        operation = action
    else:
        operation = head.method
    return Call(service, operation, address.path)


def refusal(call: Call, status: int, code: str) -> tuple[str, bytes]:
    """Return content type and body of an error as the service would say it."""
    message = f"injected {code}"
    if call.service == "s3":
        xml = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>injected</RequestId></Error>"
        return "application/xml", f'<?xml version="1.0" encoding="UTF-8"?>\n{xml}'.encode()
    if call.service == "sns":
        side = "Sender" if status < 500 else "Receiver"
        error = f"<Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        xml = f"<ErrorResponse>{error}<RequestId>injected</RequestId></ErrorResponse>"
        return "text/xml", xml.encode()
    return "application/x-amz-json-1.0", json.dumps({"__type": code, "message": message}).encode()


def _service(head: Head) -> str:
    """Return the fourth part of the credential's scope: `Credential=<key>/<day>/<region>/<service>/...`."""
    scope = head.headers.get("authorization", "").partition("Credential=")[2].partition(",")[0]
    if not scope:
        scope = parse_qs(urlsplit(head.target).query).get("X-Amz-Credential", [""])[0]
    parts = scope.split("/")
    return parts[3] if len(parts) > 3 else OTHER


def _s3_operation(method: str, path: str, query: str) -> str:
    has_key = "/" in path.strip("/")
    if method == "POST":
        return "DeleteObjects" if query.startswith("delete") else "PostObject"
    if "uploadId=" in query:
        return {"PUT": "UploadPart", "GET": "ListParts", "DELETE": "AbortMultipartUpload"}.get(method, method)
    return (_S3_OF_OBJECT if has_key else _S3_OF_BUCKET).get(method, method)


def _action(form: bytes) -> str | None:
    """Return the action of a query-protocol form, of which there may be the first part only."""
    for pair in form.decode("latin-1").split("&"):
        name, _, value = pair.partition("=")
        if name == "Action":
            return value
    return None
