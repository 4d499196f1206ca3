"""Answers in JSON."""

from collections.abc import Mapping

from pydantic import BaseModel
from starlette.responses import Response

from console.errors import RefusedError


def said(model: BaseModel, *, status: int = 200) -> Response:
    """Answer with one of `console.models`."""
    return Response(model.model_dump_json(), status_code=status, media_type="application/json")


def refusal(error: RefusedError, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a refusal."""
    body = error.refusal().model_dump_json()
    return Response(
        body, status_code=error.status, media_type="application/json", headers=dict(headers or {})
    )
