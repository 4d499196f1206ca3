"""`POST /api/uploads`: a file goes to the store, and the page gets what stands for it in requests."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.answers import said
from console.bodies import read_body
from console.context import Context
from console.errors import RefusedError
from console.models import UploadedReference
from s3io.media import UNKNOWN, sniff

AT_ONCE = 3  # each is held whole


def routes(context: Context) -> Sequence[Route]:
    """Return the part's routes."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def upload(request: Request) -> Response:
        async with slots:
            data = await read_body(request, context.sources.input_max)
            if not data:
                raise RefusedError.of(400, "bad_value", "there is nothing to upload: the file is empty")
            # By its bytes: what a browser says of a file is what its name says.
            media = sniff(data)
            kind = None if media is UNKNOWN else media.content_type
            reference = await context.api.upload(data, content_type=kind)
        return said(UploadedReference(reference=reference))

    return [Route("/api/uploads", upload, methods=["POST"])]
