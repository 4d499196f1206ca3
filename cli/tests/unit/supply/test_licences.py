import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[4] / "build-support"
MIT_CLASSIFIER = "Classifier: License :: OSI Approved :: MIT License"


@dataclass(frozen=True)
class Tree:
    """A checkout with the script and one lock, and what the lock would install."""

    root: Path
    cache: Path

    def lock(self, name: str, text: str, **metadata: str) -> None:
        """Write a lock and put its packages where the script would have installed them."""
        (self.root / f"3rdparty/locks/{name}.txt").write_text(text)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        folder = self.cache / "darkroom-licences" / f"{name}-{digest}"
        folder.mkdir(parents=True)
        for package, said in metadata.items():
            info = folder / f"{package}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.4\nName: {package}\nVersion: 1.0\n{said}\n\nText.\n"
            )

    def run(self, *arguments: str) -> tuple[int, str]:
        program = [sys.executable, str(self.root / "build-support/licences"), *arguments]
        environment = {**os.environ, "XDG_CACHE_HOME": str(self.cache), "PATH": "/nowhere"}
        done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def report(self) -> dict[str, dict[str, dict[str, str]]]:
        found: dict[str, dict[str, dict[str, str]]] = json.loads(
            (self.root / "dist/licences.json").read_text()
        )
        return found


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    root = tmp_path / "checkout"
    (root / "3rdparty/locks").mkdir(parents=True)
    (root / "build-support").mkdir()
    for name in ("licences", "licences.toml", "lock"):
        shutil.copy(SCRIPTS / name, root / "build-support" / name)
    return Tree(root, tmp_path / "cache")


def pin(name: str, more: str = "") -> str:
    return f"{name}==1.0{more} \\\n    --hash=sha256:aa\n    # via -r 3rdparty/in/default.in\n"


@pytest.mark.parametrize(
    ("said", "licence"),
    [
        ("License-Expression: MIT", "MIT"),
        (
            "License-Expression: MPL-2.0 AND (Apache-2.0 OR GPL-3.0-only)",
            "MPL-2.0 AND (Apache-2.0 OR GPL-3.0-only)",
        ),
        ("License-Expression: Apache-2.0 WITH LLVM-exception", "Apache-2.0 WITH LLVM-exception"),
        (MIT_CLASSIFIER, "MIT"),
        ("Classifier: License :: OSI Approved\nLicense: Apache 2.0", "Apache-2.0"),
        ("License: mit", "MIT"),
        (
            f"{MIT_CLASSIFIER}\nClassifier: License :: OSI Approved :: Apache Software License",
            "Apache-2.0 AND MIT",
        ),
    ],
)
def test_what_a_package_says_of_itself_becomes_one_name(tree: Tree, said: str, licence: str) -> None:
    tree.lock("default", pin("a"), a=said)
    assert tree.run() == (0, f"licences: 1 packages of 1 locks, told in {tree.root}/dist/licences.json\n")
    assert tree.report() == {"default": {"a": {"version": "1.0", "licence": licence}}}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("License-Expression: GPL-3.0-only", "GPL-3.0-only is not allowed"),
        ("License-Expression: MIT AND GPL-3.0-only", "MIT AND GPL-3.0-only is not allowed"),
        ("License-Expression: (MIT OR", "is not allowed"),
        ("License: Proprietary", "Proprietary is not allowed"),
        ("Classifier: License :: Other/Proprietary License", "Other/Proprietary License is not allowed"),
        ("License: UNKNOWN", "it names no licence"),
        ("Summary: says nothing", "it names no licence"),
    ],
)
def test_what_is_not_allowed_or_not_known_fails_by_name(tree: Tree, said: str, words: str) -> None:
    tree.lock("default", pin("a"), a=said)
    code, text = tree.run()
    assert code == 1
    assert "default: a 1.0: " in text
    assert words in text


def test_tools_may_have_more_than_what_is_shipped(tree: Tree) -> None:
    tree.lock("linters", pin("a"), a="License-Expression: GPL-3.0-only")
    assert tree.run()[0] == 0


def test_a_package_that_says_nothing_can_be_told_of(tree: Tree) -> None:
    tree.lock("default", pin("a-b"), a_b="Summary: says nothing")
    settings = tree.root / "build-support/licences.toml"
    settings.write_text(f'{settings.read_text()}\na-b = {{ licence = "MIT" }}\n')
    assert tree.run()[0] == 0


def test_what_is_for_other_machines_is_listed_as_such_and_what_is_missing_fails(tree: Tree) -> None:
    tree.lock("default", pin("a", " ; sys_platform == 'win32'"))
    assert tree.run()[0] == 0
    assert tree.report()["default"]["a"]["note"] == "not for this machine"
    tree.lock("infra", pin("b"))
    code, text = tree.run("infra")
    assert code == 1
    assert "b 1.0: is in the lock and was not installed" in text


def test_an_unknown_lock_is_told_with_those_that_there_are(tree: Tree) -> None:
    tree.lock("default", pin("a"), a="License: MIT")
    code, text = tree.run("defualt")
    assert code == 2
    assert "there are default" in text


def test_what_npm_passes_on_is_held_to_stricter_terms_than_its_tools(tree: Tree) -> None:
    page = tree.root / "console/page"
    page.mkdir(parents=True)
    packages = {
        "": {"name": "page"},
        "node_modules/shown": {"version": "1.0", "license": "MIT"},
        "node_modules/copyleft": {"version": "2.0", "license": "GPL-3.0-or-later"},
        "node_modules/@a/tool": {"version": "3.0", "license": "GPL-3.0-or-later", "dev": True},
        "node_modules/silent": {"version": "4.0", "dev": True},
    }
    (page / "package-lock.json").write_text(json.dumps({"packages": packages}))
    code, said = tree.run("page")
    assert code == 1
    assert "page: copyleft 2.0: GPL-3.0-or-later is not allowed" in said
    assert "page: silent 4.0: it names no licence" in said
    assert "shown" not in said
    assert "@a/tool" not in said
    assert tree.report()["page"]["shown"] == {"version": "1.0", "licence": "MIT"}
