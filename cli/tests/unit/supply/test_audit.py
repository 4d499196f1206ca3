import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).resolve().parents[4] / "build-support"
LOCK = "fine==1.0 \\\n    --hash=sha256:aa\nholey==2.0 ; python_version < '4' \\\n    --hash=sha256:bb\n"


@dataclass
class Database:
    """Answers as OSV does: `known` and `pages` have ids by package (the latter on a second page)."""

    address: str = ""
    known: dict[str, list[str]] = field(default_factory=dict)
    about: dict[str, dict[str, Any]] = field(default_factory=dict)
    pages: dict[str, list[str]] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    instead: tuple[int, bytes] | None = None

    def result(self, query: dict[str, Any]) -> dict[str, Any]:
        name = query["package"]["name"]
        if "page_token" in query:
            return {"vulns": [{"id": one} for one in self.pages[name]]}
        found: dict[str, Any] = {"vulns": [{"id": one} for one in self.known.get(name, [])]}
        if name in self.pages:
            found["next_page_token"] = "more"
        return found if found["vulns"] or name in self.pages else {}


@pytest.fixture
def database() -> Iterator[Database]:
    state = Database()

    class Handler(BaseHTTPRequestHandler):
        def answer(self, told: Any) -> None:
            status, body = state.instead or (200, json.dumps(told).encode())
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.asked.append(question)
            self.answer({"results": [state.result(query) for query in question["queries"]]})

        def do_GET(self) -> None:
            self.answer(state.about.get(self.path.rpartition("/")[2], {}))

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "3rdparty/locks").mkdir(parents=True)
    (tmp_path / "3rdparty/locks/default.txt").write_text(LOCK)
    (tmp_path / "build-support").mkdir()
    for name in ("audit", "audit.toml"):
        shutil.copy(SCRIPTS / name, tmp_path / "build-support" / name)
    return tmp_path


def run(root: Path, address: str, *arguments: str) -> tuple[int, str, str]:
    program = [sys.executable, str(root / "build-support/audit"), *arguments]
    environment = {**os.environ, "DARKROOM_ADVISORIES": address, "no_proxy": "127.0.0.1"}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_all_locked_packages_are_asked_for_in_one_question(root: Path, database: Database) -> None:
    (root / "package-lock.json").write_text(
        json.dumps(
            {"packages": {"": {"version": "1"}, "node_modules/a/node_modules/@b/c": {"version": "3.0"}}}
        )
    )
    (root / "console/page").mkdir(parents=True)
    (root / "console/page/package-lock.json").write_text(
        json.dumps({"packages": {"node_modules/d": {"version": "4.0"}}})
    )
    code, out, _ = run(root, database.address)
    assert (code, out) == (0, "audit: 4 packages, 0 vulnerabilities, 0 accepted\n")
    (question,) = database.asked
    asked = {
        (query["package"]["ecosystem"], query["package"]["name"], query["version"])
        for query in question["queries"]
    }
    assert asked == {
        ("PyPI", "fine", "1.0"),
        ("PyPI", "holey", "2.0"),
        ("npm", "@b/c", "3.0"),
        ("npm", "d", "4.0"),
    }


def test_a_vulnerability_fails_and_is_told_with_what_mends_it(root: Path, database: Database) -> None:
    database.known["holey"] = ["GHSA-1"]
    database.about["GHSA-1"] = {
        "summary": "Lets anybody in",
        "aliases": ["CVE-2026-1"],
        "affected": [{"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}]}],
    }
    code, out, err = run(root, database.address)
    assert code == 1
    assert "holey 2.0 (default): CVE-2026-1/GHSA-1: Lets anybody in; mended in 2.1" in err
    assert "1 vulnerabilities" in out


def test_one_vulnerability_of_two_names_is_told_once_and_a_withdrawn_one_never(
    root: Path, database: Database
) -> None:
    database.known["holey"] = ["GHSA-1", "GHSA-9", "PYSEC-1"]
    database.about["GHSA-1"] = {"summary": "Bad", "aliases": ["PYSEC-1"]}
    database.about["PYSEC-1"] = {"details": "Bad.\nVery.", "aliases": ["GHSA-1"]}
    database.about["GHSA-9"] = {"summary": "None", "withdrawn": "2026-01-01T00:00:00Z"}
    code, out, err = run(root, database.address)
    assert code == 1
    assert "1 vulnerabilities" in out
    assert "GHSA-9" not in err


def test_what_comes_on_a_second_page_counts(root: Path, database: Database) -> None:
    database.pages["holey"] = ["GHSA-2"]
    assert run(root, database.address)[0] == 1
    assert [len(question["queries"]) for question in database.asked] == [2, 1]


@pytest.mark.parametrize(("until", "code"), [("2999-01-01", 0), ("2020-01-01", 1)])
def test_what_was_accepted_passes_until_its_day(
    root: Path, database: Database, until: str, code: int
) -> None:
    database.known["holey"] = ["GHSA-1"]
    database.about["GHSA-1"] = {"summary": "Bad", "aliases": ["CVE-1"]}
    (root / "build-support/audit.toml").write_text(
        f'[[accepted]]\nid = "CVE-1"\nuntil = {until}\nwhy = "never called"\n'
    )
    got, out, err = run(root, database.address)
    assert got == code
    assert ("1 accepted" in out) == (code == 0)
    assert ("acceptance is over" in err) == (code == 1)


def test_what_is_accepted_needs_a_reason_and_a_day(root: Path, database: Database) -> None:
    (root / "build-support/audit.toml").write_text('[[accepted]]\nid = "CVE-1"\n')
    code, _, err = run(root, database.address)
    assert code == 1
    assert "CVE-1 lacks until, why" in err


def test_where_nobody_answers_it_says_loudly_that_nothing_was_checked(root: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        code, _, err = run(root, address)
    assert code == 0
    assert "SKIPPED: no advisory database reachable" in err
    assert "2 packages were NOT checked" in err


@pytest.mark.parametrize(
    "instead", [(503, b"busy"), (200, b"<html>log in</html>"), (200, b"[]"), (200, b'{"results": []}')]
)
def test_what_does_not_answer_as_a_database_is_none(
    root: Path, database: Database, instead: tuple[int, bytes]
) -> None:
    database.instead = instead
    code, _, err = run(root, database.address)
    assert code == 0
    assert "SKIPPED" in err


def test_an_unknown_lock_is_wrong_use(root: Path, database: Database) -> None:
    code, _, err = run(root, database.address, "nonsense")
    assert code == 2
    assert "there are default" in err
