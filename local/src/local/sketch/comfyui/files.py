"""The three folders on disk (input, output, temp): names of saved files, uploads, and what /view may read."""

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from local.sketch.errors import NodeFailedError

FOLDERS = ("input", "output", "temp")
_ANNOTATED = re.compile(r"^(?P<name>.*?)(?: \[(?P<type>input|output|temp)\])?$", re.DOTALL)
_COUNTER = re.compile(r"(\d+)_?")


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file as history and /upload name it."""

    filename: str
    subfolder: str
    type: str

    def as_json(self) -> dict[str, str]:
        """`{"filename", "subfolder", "type"}`."""
        return {"filename": self.filename, "subfolder": self.subfolder, "type": self.type}


class Files:
    """Files below one base folder."""

    def __init__(self, base: Path) -> None:
        self.base = base
        for name in FOLDERS:
            (base / name).mkdir(parents=True, exist_ok=True)

    def inside(self, folder: str, *parts: str) -> Path | None:
        """The path below one of the three folders, or None where it would leave it."""
        root = os.path.realpath(self.base / folder)
        path = os.path.realpath(os.path.join(root, *parts))  # noqa: PTH118 (parts may be absolute on purpose)
        return Path(path) if path == root or path.startswith(root + os.sep) else None

    def list_inputs(self) -> list[str]:
        """The files directly in the input folder, as LoadImage offers them."""
        return sorted(each.name for each in (self.base / "input").iterdir() if each.is_file())

    def find_input(self, annotated: str) -> Path | None:
        """The file that LoadImage's `image` means ("sub/name.png", "name.png [temp]"), or None."""
        match = _ANNOTATED.match(annotated)
        if match is None:
            return None
        path = self.inside(match["type"] or "input", match["name"])
        return path if path is not None and path.is_file() else None

    def next_names(
        self, prefix: str, extension: str, count: int, size: tuple[int, int], *, folder: str = "output"
    ) -> list[SavedFile]:
        """Names for files to save: numbered on from what is on disk, as the real server does.

        Args:
            prefix: `filename_prefix`; may hold folders, %width%, %height% and date parts such as %year%.
            extension: without a dot.
            count: how many.
            size: width and height of the first picture.
            folder: `output` or `temp`.

        Raises:
            NodeFailedError: the prefix leads out of the folder.
        """
        path = os.path.normpath(_expand(prefix, size))
        subfolder, name = os.path.split(path)
        target = self.inside(folder, subfolder)
        if target is None:
            root = self.base / folder
            away = os.path.join("base", subfolder) if not subfolder.startswith("/") else subfolder  # noqa: PTH118
            raise NodeFailedError(
                "Exception",
                "**** ERROR: Saving image outside the output folder is not allowed.\n"
                f" full_output_folder: {os.path.normpath(away)}\n         output_dir: base/{root.name}\n",
            )
        target.mkdir(parents=True, exist_ok=True)
        first = _next_counter(target, name)
        return [
            SavedFile(f"{name}_{number:05}_.{extension}", subfolder, folder)
            for number in range(first, first + count)
        ]

    def write(self, file: SavedFile, data: bytes) -> None:
        """Write a file under a name from `next_names`."""
        (self.base / file.type / file.subfolder / file.filename).write_bytes(data)

    def upload(
        self, name: str, data: bytes, subfolder: str, folder: str, *, overwrite: bool
    ) -> SavedFile | None:
        """Store an upload.

        Returns:
            What it is called: another name if this one is taken by other bytes, or None where the name would
            leave the folder.
        """
        target = self.inside(folder, os.path.normpath(subfolder))
        path = self.inside(folder, os.path.normpath(subfolder), name)
        if target is None or path is None or path == target:
            return None
        target.mkdir(parents=True, exist_ok=True)
        stem, extension = path.stem, path.suffix
        number = 0
        while not overwrite and path.exists() and path.read_bytes() != data:
            number += 1
            path = path.with_name(f"{stem} ({number}){extension}")
        path.write_bytes(data)
        return SavedFile(path.name, subfolder, folder)


def _next_counter(folder: Path, name: str) -> int:
    taken = [0]
    for each in folder.iterdir():
        if each.name.startswith(f"{name}_"):
            match = _COUNTER.match(each.name[len(name) + 1 :])
            taken.append(int(match[1]) if match else 0)
    return max(taken) + 1


def _expand(prefix: str, size: tuple[int, int]) -> str:
    now = time.localtime()
    known = {
        "%width%": str(size[0]),
        "%height%": str(size[1]),
        "%year%": str(now.tm_year),
        "%month%": f"{now.tm_mon:02}",
        "%day%": f"{now.tm_mday:02}",
        "%hour%": f"{now.tm_hour:02}",
        "%minute%": f"{now.tm_min:02}",
        "%second%": f"{now.tm_sec:02}",
    }
    for key, value in known.items():
        prefix = prefix.replace(key, value)
    return prefix
