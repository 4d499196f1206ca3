"""Writes a folder as a tar: sorted, with fixed times, owners and modes, so that the same files give the same bytes.

python3.12 write_tar.py FOLDER TARGET.tar
"""

import sys
import tarfile
from pathlib import Path


def same_everywhere(entry):
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


def main(folder, target):
    root = Path(folder)
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as written:
        for path in sorted(root.rglob("*")):
            written.add(path, str(path.relative_to(root)), recursive=False, filter=same_everywhere)


if __name__ == "__main__":
    main(*sys.argv[1:])
