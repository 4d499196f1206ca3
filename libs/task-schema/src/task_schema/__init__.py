"""The contract of Darkroom: requests, answers, messages, notifications, states and error codes (DESIGN 4)."""

from task_schema._announcements import Announcement
from task_schema._answers import (
    Accepted,
    AcceptedV1Alpha1,
    ImageLink,
    QueueView,
    TaskView,
    output_location,
)
from task_schema._codes import RequestCode, TaskCode
from task_schema._content import check_content
from task_schema._deployment import TASK_TYPES, Deployment, RuntimeSpec, same_model
from task_schema._faults import Fault, Refusal
from task_schema._links import (
    LOADER_INPUTS,
    is_text_field,
    loader_strings,
    strings_in,
)
from task_schema._messages import (
    MAX_INLINE_CONTENT_BYTES,
    Message,
    Received,
    fits_inline,
    read_message,
)
from task_schema._metadata import Metadata
from task_schema._notifications import MAX_IMAGE_URLS, Notification
from task_schema._requests import (
    MAX_BODY_BYTES,
    ApiVersion,
    ParsedRequest,
)
from task_schema._routing import Routing, split_routing
from task_schema._states import Status
from task_schema._strict_json import MAX_NESTING, compact
from task_schema._submissions import is_submission, unread_submission
from task_schema._task_errors import MAX_MESSAGE_CHARS, TaskError, shorten
from task_schema._uploads import (
    UPLOAD_FORM,
    UPLOADS,
    Upload,
    UploadRequest,
    names_upload,
    parse_upload,
    upload_key,
    upload_reference,
)
from task_schema._v1alpha1 import RoutingKeys, V1Alpha1Request, parse_v1alpha1
from task_schema._v1alpha2 import Task, TaskRequest, parse_v1alpha2
from task_schema.errors import RequestRefusedError, TaskSchemaError, UnreadableMessageError

__all__ = [
    "LOADER_INPUTS",
    "MAX_BODY_BYTES",
    "MAX_IMAGE_URLS",
    "MAX_INLINE_CONTENT_BYTES",
    "MAX_MESSAGE_CHARS",
    "MAX_NESTING",
    "TASK_TYPES",
    "UPLOADS",
    "UPLOAD_FORM",
    "Accepted",
    "AcceptedV1Alpha1",
    "Announcement",
    "ApiVersion",
    "Deployment",
    "Fault",
    "ImageLink",
    "Message",
    "Metadata",
    "Notification",
    "ParsedRequest",
    "QueueView",
    "Received",
    "Refusal",
    "RequestCode",
    "RequestRefusedError",
    "Routing",
    "RoutingKeys",
    "RuntimeSpec",
    "Status",
    "Task",
    "TaskCode",
    "TaskError",
    "TaskRequest",
    "TaskSchemaError",
    "TaskView",
    "UnreadableMessageError",
    "Upload",
    "UploadRequest",
    "V1Alpha1Request",
    "check_content",
    "compact",
    "fits_inline",
    "is_submission",
    "is_text_field",
    "loader_strings",
    "names_upload",
    "output_location",
    "parse_upload",
    "parse_v1alpha1",
    "parse_v1alpha2",
    "read_message",
    "same_model",
    "shorten",
    "split_routing",
    "strings_in",
    "unread_submission",
    "upload_key",
    "upload_reference",
]
