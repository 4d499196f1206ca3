"""Small pictures of outputs: a gallery shows thousands, and their originals have megabytes each."""

import asyncio
import io
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from PIL import Image, ImageOps

from console.rasters import Raster, UnshowableError
from console.shared import Shared

EDGE = 384  # pixels; the longest of a thumbnail
KEPT_BYTES = 96 * 1024 * 1024  # some 3,000 of them
AT_ONCE = 2  # pictures that are fetched and made small at a time
NICENESS = 10  # of the threads: on a small machine the browser paints with the same processors
ALONE_PIXELS = 8_000_000  # larger ones are decoded one at a time, each takes up to 256 MB
_QUALITY = 82
_OPAQUE = frozenset({"1", "L", "RGB", "CMYK", "YCbCr", "I", "I;16", "F"})

#: Submission of a task, and number of one of its outputs.
type Key = tuple[str, int]
type Load = Callable[[], Awaitable[tuple[bytes, Raster]]]


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture."""

    data: bytes
    content_type: str


class Thumbnails:
    """Makes thumbnails and keeps them; an output never changes, so what is kept stays right.

    Whoever asks for one that is being made waits for that one. One that nobody waits for any more is given
    up, unless a thread has begun with it.

    Args:
        kept_bytes: of all that are kept; what nobody has asked for longest goes first.
        at_once: how many are made at a time.
    """

    def __init__(self, *, kept_bytes: int = KEPT_BYTES, at_once: int = AT_ONCE) -> None:
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[Key, Thumbnail] = OrderedDict()
        self._size = 0
        self._slots = asyncio.Semaphore(at_once)
        # Threads of its own: they cannot be cancelled, and go on with what was given up meanwhile.
        self._threads = ThreadPoolExecutor(
            at_once, thread_name_prefix="thumbnails", initializer=_behind_others
        )
        self._alone = threading.Lock()
        self._shared: Shared[Key, Thumbnail] = Shared()

    def kept(self, key: Key) -> Thumbnail | None:
        """Return one that is there already."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    async def get(self, key: Key, load: Load) -> Thumbnail:
        """Return a thumbnail.

        Args:
            key: which one.
            load: fetches the picture and looks at its header; called at most once.

        Raises:
            UnshowableError: it is no picture, a broken one, or too large. What `load` raises is raised too.
        """
        return self.kept(key) or await self._shared.get(key, lambda: self._make(key, load))

    async def _make(self, key: Key, load: Load) -> Thumbnail:
        async with self._slots:
            data, raster = await load()
            loop = asyncio.get_running_loop()
            made = await loop.run_in_executor(self._threads, self._shrink, data, raster)
        self._keep(key, made)
        return made

    def _shrink(self, data: bytes, raster: Raster) -> Thumbnail:
        if raster.pixels <= ALONE_PIXELS:
            return shrink(data, raster)
        with self._alone:
            return shrink(data, raster)

    def _keep(self, key: Key, made: Thumbnail) -> None:
        self._kept[key] = made
        self._size += len(made.data)
        while self._size > self._kept_bytes:
            _, gone = self._kept.popitem(last=False)
            self._size -= len(gone.data)


def _behind_others() -> None:
    """Lower the priority of the thread that calls; only Linux has one for each thread."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def shrink(data: bytes, raster: Raster) -> Thumbnail:
    """Return a small picture of one whose header has been read; of an animation, of its first picture.

    Raises:
        UnshowableError: it is broken.
    """
    try:
        with Image.open(io.BytesIO(data), formats=(raster.format,)) as image:
            image.draft("RGB", (EDGE * 2, EDGE * 2))  # a JPEG need not be decoded in full
            turned = ImageOps.exif_transpose(image)
            small = turned.convert("RGB" if turned.mode in _OPAQUE else "RGBA")
            small.thumbnail((EDGE, EDGE))
            return _saved(small)
    except Exception as exc:
        # Whatever Pillow stumbles over in bytes of a stranger: there is no common base.
        raise UnshowableError("the picture is broken: it can only be saved") from exc


def _saved(image: Image.Image) -> Thumbnail:
    file = io.BytesIO()
    if image.mode == "RGB":
        image.save(file, "JPEG", quality=_QUALITY)
        return Thumbnail(file.getvalue(), "image/jpeg")
    image.save(file, "WEBP", quality=_QUALITY, method=2)
    return Thumbnail(file.getvalue(), "image/webp")
