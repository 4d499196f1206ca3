"""Writes a Lambda function's zip anew: sorted, with fixed times and modes, without ballast, with bytecode.

    python3.12 write_zip.py FUNCTION.zip [GLOB ...]     with PYTHONHASHSEED=0

Bytecode, because /var/task is read-only: without it every cold start compiles every module. It is of the kind that is
never checked against the source (PEP 552), and its file names are those that the function has in AWS, so that neither
times nor the folder of the build get in.
"""

import fnmatch
import os
import py_compile
import sys
import tempfile
import zipfile

TASK_ROOT = "/var/task"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say

# What installers and type checkers read, never a running function. METADATA stays, for importlib.metadata, and so do
# entry points and licences.
BALLAST = (
    "*.pyc",
    "*.pyi",
    "*.pyx",
    "*.pxd",
    "*/py.typed",
    "*/tests/*",
    "*.dist-info/RECORD",
    "*.dist-info/WHEEL",
    "*.dist-info/INSTALLER",
    "*.dist-info/REQUESTED",
    "*.dist-info/direct_url.json",
    "*.dist-info/top_level.txt",
    "*.dist-info/sboms/*",
    "bin/*",
)


def wanted(path, unwanted):
    return not any(fnmatch.fnmatchcase(path, glob) for glob in unwanted)


def bytecode(path, source, folder):
    """The name and content of a module's bytecode; None if it is no Python of this version."""
    module = os.path.join(folder, "module.py")
    compiled = os.path.join(folder, "module.pyc")
    with open(module, "wb") as file:
        file.write(source)
    try:
        py_compile.compile(
            module,
            cfile=compiled,
            dfile=f"{TASK_ROOT}/{path}",
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    except py_compile.PyCompileError:
        return None
    parent, name = os.path.split(path)
    cached = os.path.join(parent, "__pycache__", name[: -len(".py")] + f".{sys.implementation.cache_tag}.pyc")
    with open(compiled, "rb") as file:
        return cached, file.read()


def main(target, *globs):
    with zipfile.ZipFile(target) as given:
        files = {
            name: given.read(name)
            for name in sorted(given.namelist())
            if not name.endswith("/") and wanted(name, (*BALLAST, *globs))
        }
    with tempfile.TemporaryDirectory() as folder:
        modules = [(name, source) for name, source in files.items() if name.endswith(".py")]
        compiled = [bytecode(name, source, folder) for name, source in modules]
    files.update(entry for entry in compiled if entry)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as written:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.create_system = 3  # Unix, wherever it was built
            written.writestr(entry, files[name])


if __name__ == "__main__":
    main(*sys.argv[1:])
