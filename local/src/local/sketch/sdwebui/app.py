"""Routes of the SD Web UI's API."""

import asyncio
import base64
import binascii
from typing import Annotated, Any

from fastapi import APIRouter, Body, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from PIL import Image
from starlette.middleware.gzip import GZipMiddleware

from local.sketch.errors import BadImageError, WebUiError
from local.sketch.picture import decode
from local.sketch.sdwebui import catalogue
from local.sketch.sdwebui.engine import Engine, as_base64
from local.sketch.sdwebui.extras import upscale_all
from local.sketch.sdwebui.info import read_infotext
from local.sketch.sdwebui.requests import (
    ExtrasBatch,
    ExtrasBatchResponse,
    ExtrasSingle,
    ExtrasSingleResponse,
    Flags,
    Generation,
    GenerationResponse,
    ImageToImage,
    PngInfo,
    ProgressResponse,
    TextToImage,
)
from local.sketch.sdwebui.wire import Conduct, WireMiddleware

PYDANTIC_ERRORS = "https://errors.pydantic.dev/2.8/v/"
GZIP_FROM = 1000


def create_app(engine: Engine) -> FastAPI:
    """The ASGI application of one engine; serve it with `wire.WireProtocol`, which can cut connections."""
    app = FastAPI(title="sketch of the SD Web UI")
    app.state.engine = engine
    for router in (_generation(engine), _extras(engine), _state(engine), _models(engine), _catalogue(engine)):
        app.include_router(router, prefix="/sdapi/v1")
    app.add_middleware(WireMiddleware, engine=engine)
    app.add_middleware(GZipMiddleware, minimum_size=GZIP_FROM, compresslevel=1)
    app.add_exception_handler(WebUiError, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid)
    # The framework raises the exception again after this answer, and the server then closes the connection
    # without having said so: just what was recorded (a07).
    app.add_exception_handler(Exception, _unhandled)
    return app


async def _refusal(_: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, WebUiError) else 500
    return JSONResponse({"detail": str(error)}, status)


async def _invalid(_: Request, error: Exception) -> Response:
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    shown = [_shown(dict(fault)) for fault in faults]
    return JSONResponse({"detail": shown}, 422)


def _shown(fault: dict[str, Any]) -> dict[str, Any]:
    value = fault.get("input")
    shown = {**fault, "input": value.decode(errors="replace") if isinstance(value, bytes) else value}
    if fault["type"] != "json_invalid":
        shown["url"] = PYDANTIC_ERRORS + fault["type"]
    return shown


async def _unhandled(_: Request, error: Exception) -> Response:
    said = {
        "error": type(error).__name__,
        "detail": "",
        "body": getattr(error, "body", ""),
        "message": str(error).split("\n\n", maxsplit=1)[0],
    }
    return JSONResponse(said, 500)


def decode_image(text: Any) -> Image.Image:
    """A picture of a request: base64, with or without a data: prefix; raises WebUiError."""
    if isinstance(text, str) and text.startswith(("http://", "https://")):
        raise WebUiError(500, "Request to local resource not allowed")
    try:
        encoded = str(text).split("base64,")[-1]
        return decode(base64.b64decode(encoded, validate=True))
    except (BadImageError, binascii.Error, ValueError) as error:
        raise WebUiError(500, "Invalid encoded image") from error


def check_scripts(request: Generation, kind: str) -> None:
    """Raise WebUiError 422 for a script that is not there."""
    named = [*([request.script_name] if request.script_name else []), *request.alwayson_scripts]
    for name in named:
        if name.lower() not in catalogue.SCRIPTS[kind]:
            raise WebUiError(422, f"Script '{name}' not found")


async def _generate(
    engine: Engine, request: TextToImage | ImageToImage, bases: list[Image.Image] | None, conduct: Conduct
) -> GenerationResponse | Response:
    done = await engine.generate(request, bases, conduct.traceparent, conduct.fault)
    parameters = request.model_dump()
    if isinstance(request, ImageToImage) and not request.include_init_images:
        parameters["init_images"] = parameters["mask"] = None
    if engine.prepared is not None:
        body = engine.prepared.answer(len(done.images), parameters, done.info)
        return Response(body, media_type="application/json")
    return GenerationResponse(
        images=[as_base64(data) for data in done.images], parameters=parameters, info=done.info
    )


def _generation(engine: Engine) -> APIRouter:
    router = APIRouter()

    @router.post("/txt2img", response_model=GenerationResponse)
    async def txt2img(request: TextToImage, http: Request) -> GenerationResponse | Response:
        check_scripts(request, "txt2img")
        return await _generate(engine, request, None, Conduct.of(http, engine, request.force_task_id))

    @router.post("/img2img", response_model=GenerationResponse)
    async def img2img(request: ImageToImage, http: Request) -> GenerationResponse | Response:
        if request.init_images is None:
            raise WebUiError(404, "Init image not found")
        check_scripts(request, "img2img")
        bases = [decode_image(each) for each in request.init_images]
        return await _generate(engine, request, bases, Conduct.of(http, engine, request.force_task_id))

    return router


def _extras(engine: Engine) -> APIRouter:
    router = APIRouter()

    @router.post("/extra-single-image")
    async def single(request: ExtrasSingle, http: Request) -> ExtrasSingleResponse:
        image = decode_image(request.image)
        conduct = Conduct.of(http, engine)
        images, says = await upscale_all(engine, request, [image], conduct.traceparent, conduct.fault)
        return ExtrasSingleResponse(html_info=says, image=as_base64(images[0]))

    @router.post("/extra-batch-images")
    async def batch(request: ExtrasBatch, http: Request) -> ExtrasBatchResponse:
        pictures = [decode_image(each.data) for each in request.imageList]
        conduct = Conduct.of(http, engine)
        images, says = await upscale_all(engine, request, pictures, conduct.traceparent, conduct.fault)
        return ExtrasBatchResponse(html_info=says, images=[as_base64(each) for each in images])

    @router.post("/png-info")
    async def png_info(request: PngInfo) -> dict[str, Any]:
        image = decode_image(request.image)
        text = str(image.info.get("parameters", ""))
        items = {key: str(value) for key, value in image.info.items() if key != "parameters"}
        return {"info": text, "items": items, "parameters": read_infotext(text)}

    return router


def _state(engine: Engine) -> APIRouter:
    router = APIRouter()

    @router.get("/progress")
    async def progress(*, skip_current_image: bool = False) -> ProgressResponse:
        now = engine.progress
        image = None if skip_current_image else await asyncio.to_thread(engine.preview)
        return ProgressResponse(
            progress=now.fraction(), eta_relative=now.eta(), state=now.state(), current_image=image
        )

    @router.post("/interrupt")
    async def interrupt() -> dict[str, Any]:
        engine.progress.interrupted = True
        return {}

    @router.post("/skip")
    async def skip() -> None:
        engine.progress.skipped = True

    @router.get("/memory")
    async def memory() -> dict[str, Any]:
        return {"ram": {"free": 0.0, "used": 0, "total": 0.0}, "cuda": {"error": "unavailable"}}

    @router.get("/cmd-flags", response_model=Flags)
    async def flags() -> dict[str, Any]:
        # Recorded: the server breaks its own response model here and answers 500.
        return {"port": 7861, "listen": False, "api": True, "nowebui": True}

    return router


def _models(engine: Engine) -> APIRouter:
    router = APIRouter()

    @router.get("/options")
    async def options() -> dict[str, Any]:
        engine.warm()
        return engine.options.as_json()

    @router.post("/options")
    async def set_options(values: Annotated[dict[str, Any], Body()]) -> None:
        await engine.set_options(values)

    @router.post("/unload-checkpoint")
    async def unload() -> None:
        engine.loaded = None

    @router.post("/reload-checkpoint")
    async def reload() -> None:
        async with engine.gpu.job("reload", "load", None):
            await engine.load(engine.find_checkpoint(engine.options["sd_model_checkpoint"] or ""))

    @router.post("/refresh-checkpoints")
    async def refresh() -> None:
        # Takes the lock, as the real one does: it waits behind a generation.
        async with engine.gpu.job("refresh", "refresh", None):
            pass

    return router


def _catalogue(engine: Engine) -> APIRouter:
    router = APIRouter()
    fixed: dict[str, Any] = {
        "samplers": catalogue.samplers(),
        "schedulers": catalogue.schedulers(),
        "upscalers": catalogue.upscalers(),
        "scripts": catalogue.SCRIPTS,
        "sd-modules": [],
        "hypernetworks": [],
        "prompt-styles": [],
        "extensions": [],
        "loras": [],
        "embeddings": {"loaded": {}, "skipped": {}},
        "face-restorers": [{"name": name, "cmd_dir": None} for name in ("CodeFormer", "GFPGAN")],
        "latent-upscale-modes": [{"name": "Latent"}, {"name": "Latent (bicubic)"}],
    }

    def serve(path: str, answer: Any) -> None:
        @router.get(f"/{path}", name=path)
        async def listing() -> Any:
            return answer

    for path, answer in fixed.items():
        serve(path, answer)

    @router.get("/sd-models")
    async def sd_models() -> list[dict[str, Any]]:
        return [each.as_json() for each in engine.checkpoints]

    return router
