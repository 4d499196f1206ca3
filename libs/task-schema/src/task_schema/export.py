"""JSON Schema of the contract, for editors and for clients in other languages.

`python -m task_schema.export FOLDER` writes one file for each model.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from task_schema._answers import Accepted, AcceptedV1Alpha1, TaskView
from task_schema._content import CONTENT_MODELS
from task_schema._faults import Refusal
from task_schema._messages import Message
from task_schema._notifications import Notification
from task_schema._uploads import Upload, UploadRequest
from task_schema._v1alpha1 import V1Alpha1Request
from task_schema._v1alpha2 import TaskRequest

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

MODELS: Mapping[str, type[BaseModel]] = {
    "v1alpha1-request": V1Alpha1Request,
    "v1alpha2-request": TaskRequest,
    "v1alpha2-accepted": Accepted,
    "v1alpha1-accepted": AcceptedV1Alpha1,
    "upload-request": UploadRequest,
    "upload": Upload,
    "refusal": Refusal,
    "task": TaskView,
    "message": Message,
    "notification": Notification,
    **{f"content-{name}": model for name, model in CONTENT_MODELS.items()},
}
# Answers are described as they are written, all else as it may be read.
_WRITTEN = {"v1alpha2-accepted", "v1alpha1-accepted", "upload", "refusal", "task"}


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a model of `MODELS`."""
    body = MODELS[name].model_json_schema(mode="serialization" if name in _WRITTEN else "validation")
    return {"$schema": _DIALECT, **body}


def schema_text(name: str) -> str:
    """Return the schema as it is kept in the repository."""
    return json.dumps(schema(name), indent=2, sort_keys=True) + "\n"


def main(folder: str) -> None:
    """Write all schemas into a folder, which is made where it is missing."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        (target / f"{name}.json").write_text(schema_text(name))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m task_schema.export FOLDER")
    main(sys.argv[1])
