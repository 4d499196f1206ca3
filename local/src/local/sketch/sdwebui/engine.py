"""One SD Web UI process: its model, its options, its lock, and the runs."""

import asyncio
import base64
import random
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import Image

from local.sketch.errors import ServerRestartedError
from local.sketch.faults import Fault, FaultKind, FaultPlan
from local.sketch.gpu import Gpu
from local.sketch.picture import encode
from local.sketch.prepared import PreparedPicture
from local.sketch.sdwebui.catalogue import Checkpoint, find_sampler
from local.sketch.sdwebui.info import Facts
from local.sketch.sdwebui.options import Options
from local.sketch.sdwebui.progress import Progress
from local.sketch.sdwebui.requests import Generation, ImageToImage, TextToImage
from local.sketch.settings import SketchSettings
from local.sketch.stats import Stats
from local.sketch.studio import Order, Studio, half_done

GRANULE = 8
"""Pictures are whole multiples of this many pixels, whatever was asked for."""
SEEDS = 2**32
TOO_SMALL = (
    "Calculated padded input size per channel: (10 x 2). Kernel size: (3 x 3). "
    "Kernel size can't be greater than actual input size"
)


@dataclass(slots=True)
class Run:
    """A generation under way."""

    request: Generation
    facts: Facts
    orders: list[Order]
    fault: Fault | None
    pictures: list[Image.Image] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Generated:
    """A finished generation: encoded pictures, and `info` as JSON text."""

    images: list[bytes]
    info: str


class Engine:
    """The process behind the HTTP API."""

    def __init__(self, settings: SketchSettings, faults: FaultPlan, stats: Stats) -> None:
        self.settings = settings
        self.faults = faults
        self.stats = stats
        self.gpu = Gpu(stats)
        self.canvas: list[Image.Image] = []
        self.prepared = PreparedPicture(settings.picture_bytes) if settings.picture_bytes else None
        self.studio = Studio(prepared=not settings.paint, blank=self.prepared is not None)
        self.restarts = asyncio.Event()
        self.boot()

    def boot(self) -> None:
        """Start with nothing in memory but the files on disk; what ran or waited is lost."""
        self.gpu.closing.set()
        self.gpu = Gpu(self.stats)
        self.options = Options()
        self.progress = Progress()
        self.checkpoints = [Checkpoint(name) for name in self.settings.models]
        self.loaded: Checkpoint | None = None
        self._cold_until = asyncio.get_running_loop().time() + self.settings.cold_seconds
        if self.settings.cold_seconds == 0:
            self._take_model(self.checkpoints[0])

    def find_checkpoint(self, wanted: str) -> Checkpoint | None:
        """The model that a caller means, by title, file name, name or hash."""
        return next((each for each in self.checkpoints if each.answers_to(wanted)), None)

    def warm(self) -> None:
        """Let the first model be there once the cold start is over."""
        if self.loaded is None and asyncio.get_running_loop().time() >= self._cold_until:
            self._take_model(self.checkpoints[0])

    def _take_model(self, checkpoint: Checkpoint) -> None:
        self.loaded = checkpoint
        if self.options["sd_model_checkpoint"] is None:
            self.options.set({"sd_model_checkpoint": checkpoint.title})

    async def load(self, checkpoint: Checkpoint | None) -> None:
        """Load a model if it is not the loaded one; takes the simulated time."""
        loop = asyncio.get_running_loop()
        if self.loaded is None:
            await self.gpu.pause(max(0.0, self._cold_until - loop.time()))
            self.warm()
        if checkpoint is not None and checkpoint != self.loaded:
            await self.gpu.pause(self.settings.load_seconds)
            self.loaded = checkpoint

    async def set_options(self, values: dict[str, Any]) -> None:
        """POST /options; KeyError for an unknown option, RuntimeError for an unknown model."""
        wanted = values.get("sd_model_checkpoint")
        if wanted is None:
            self.options.set(values)
            return
        checkpoint = self.find_checkpoint(wanted)
        if checkpoint is None:
            raise RuntimeError(f"model '{wanted}' not found")
        async with self.gpu.job("options", "load", None):
            await self.load(checkpoint)
            self.options.set({**values, "sd_model_checkpoint": checkpoint.title})

    async def generate(
        self,
        request: TextToImage | ImageToImage,
        bases: list[Image.Image] | None,
        traceparent: str | None,
        fault: Fault | None,
    ) -> Generated:
        """Run one text-to-image or image-to-image job.

        Args:
            request: the body; unknown models are taken out of its override_settings, as recorded.
            bases: the decoded initial pictures of image-to-image.
            traceparent: told in the statistics.
            fault: what goes wrong with this job.

        Raises:
            RuntimeError, IndexError, OutOfMemoryError: answered as 500.
            ServerRestartedError: the job is lost.
        """
        kind = "txt2img" if bases is None else "img2img"
        gpu = self.gpu  # the one of this life of the process: a restart brings another
        async with gpu.job(request.force_task_id or kind, kind, traceparent) as record:
            progress, options = self.progress, self.options
            progress.begin(f"scripts_{kind}", max(1, request.n_iter or 1))
            before = self._override(request)
            try:
                await self.load(self.find_checkpoint(self.options["sd_model_checkpoint"] or ""))
                run = await self._prepare(request, bases, fault)
                await self._sample(run, gpu)
                if progress.interrupted:
                    record.finish("interrupted")
            finally:
                if request.override_settings_restore_afterwards:
                    options.restore(before)
                progress.end()
                self.canvas = []
        images = await asyncio.to_thread(self._encode, run) if request.send_images else []
        return Generated(images, run.facts.as_json())

    def _override(self, request: Generation) -> dict[str, Any]:
        overrides = request.override_settings
        if not overrides:
            return {}
        wanted = overrides.get("sd_model_checkpoint")
        if wanted is not None:
            checkpoint = self.find_checkpoint(wanted)
            if checkpoint is None:
                # Recorded: an unknown model is dropped in silence, and the loaded one answers with 200.
                del overrides["sd_model_checkpoint"]
            else:
                return self.options.override({**overrides, "sd_model_checkpoint": checkpoint.title})
        return self.options.override(overrides)

    async def _prepare(
        self, request: TextToImage | ImageToImage, bases: list[Image.Image] | None, fault: Fault | None
    ) -> Run:
        width, height = self._size(request)
        if width < GRANULE or height < GRANULE:
            raise RuntimeError(TOO_SMALL)
        facts = self._facts(request, width, height, bases)
        if fault and fault.kind is FaultKind.WRONG_MODEL:
            facts = replace(facts, model=self._other_model())
        orders = [
            Order(
                facts.prompt,
                facts.negative,
                seed,
                width // GRANULE * GRANULE,
                height // GRANULE * GRANULE,
                facts.steps,
                bases[index % len(bases)] if bases else None,
                1.0 if facts.denoise is None else facts.denoise,
            )
            for index, seed in enumerate(facts.seeds)
        ]
        if bases == []:
            raise IndexError("Dimension out of range (expected to be in range of [-1, 0], but got 1)")
        return Run(request, facts, orders, fault)

    def _other_model(self) -> Checkpoint:
        return next(
            (each for each in self.checkpoints if each != self.loaded), Checkpoint("other.safetensors")
        )

    @staticmethod
    def _size(request: TextToImage | ImageToImage) -> tuple[int, int]:
        width = 512 if request.width is None else request.width
        height = 512 if request.height is None else request.height
        if not isinstance(request, TextToImage) or not request.enable_hr:
            return width, height
        if request.hr_resize_x and request.hr_resize_y:
            return request.hr_resize_x, request.hr_resize_y
        scale = request.hr_scale or 2.0
        return round(width * scale), round(height * scale)

    def _facts(self, request: Generation, width: int, height: int, bases: list[Image.Image] | None) -> Facts:
        sampler, schedule = find_sampler(request.sampler_name or request.sampler_index, request.scheduler)
        count = max(1, request.batch_size or 1) * max(1, request.n_iter or 1)
        seed, subseed = (
            random.randrange(SEEDS) if value is None or value == -1 else value
            for value in (request.seed, request.subseed)
        )
        return Facts(
            prompt=request.prompt or "",
            negative=request.negative_prompt or "",
            steps=max(1, request.steps or 1),
            sampler=sampler,
            schedule=schedule,
            cfg_scale=7.0 if request.cfg_scale is None else request.cfg_scale,
            seeds=tuple(seed + number for number in range(count)),
            subseeds=tuple(subseed + number for number in range(count)),
            width=width,
            height=height,
            batch_size=max(1, request.batch_size or 1),
            model=self.loaded or self.checkpoints[0],
            denoise=request.denoising_strength if bases is not None else None,
            clip_skip=int(self.options["CLIP_stop_at_last_layers"]),
            job_timestamp=self.progress.job_timestamp,
        )

    async def _sample(self, run: Run, gpu: Gpu) -> None:
        size = run.facts.batch_size
        for first in range(0, len(run.orders), size):
            batch = run.orders[first : first + size]
            painted = await asyncio.gather(*(self.studio.paint(order) for order in batch))
            self.canvas = painted
            self.progress.sampling_step, self.progress.sampling_steps = 0, run.facts.steps
            done = await gpu.sample(
                run.facts.steps,
                self.settings.seconds_per_image * len(batch),
                stop=lambda: self.progress.interrupted or self.progress.skipped,
                step=self._tell_step,
                fault=run.fault,
                on_fault=self.strike,
            )
            if done < 1.0:
                painted = [half_done(image, done, 0) for image in painted]
            run.pictures += painted
            self.progress.skipped = False
            self.progress.job_no += 1
            if self.progress.interrupted:
                return

    def preview(self) -> str | None:
        """The picture under way as base64, or None where nothing runs."""
        if not self.canvas or not self.progress.sampling_steps:
            return None
        done = self.progress.sampling_step / self.progress.sampling_steps
        return as_base64(encode(half_done(self.canvas[0], done, 0), "jpg", ""))

    def _tell_step(self, number: int) -> None:
        self.progress.sampling_step = number

    def strike(self, fault: Fault) -> None:
        """A scripted fault happens in the middle of a run."""
        if fault.kind is FaultKind.INTERRUPTED:
            self.progress.interrupted = True
        if fault.kind is FaultKind.CUT_CONNECTION:
            raise ServerRestartedError("the connection is cut")
        if fault.kind is FaultKind.RESTART:
            self.restarts.set()
            raise ServerRestartedError("the server restarts")
        if fault.kind is FaultKind.HTTP_500:
            raise RuntimeError("Expected all tensors to be on the same device")

    def _encode(self, run: Run) -> list[bytes]:
        # The option is read after the run, when overrides are already undone (recording a08).
        extension = self.options["samples_format"]
        texts = [run.facts.infotext(seed) for seed in run.facts.seeds]
        if self.prepared is not None:
            images = [self.prepared.data] * len(run.pictures)
        else:
            pairs = zip(run.pictures, texts, strict=False)
            images = [encode(image, extension, text) for image, text in pairs]
        if run.fault and run.fault.kind is FaultKind.NO_IMAGES:
            return []
        if run.fault and run.fault.kind is FaultKind.PARTIAL_OUTPUTS:
            return images[:-1]
        return images


def as_base64(data: bytes) -> str:
    """Bare base64, without a data: prefix, as the real server sends pictures."""
    return base64.b64encode(data).decode()
