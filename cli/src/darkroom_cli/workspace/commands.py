"""`affected`, `graph`, `release` and `new service`: their options and what they print."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from darkroom_cli.failures import explained

if TYPE_CHECKING:
    from darkroom_cli.invocation import Invocation

EXITS = "Exit codes: 0 success, 1 failed or refused, 2 wrong use, 130 interrupted."
PICTURE = "docs/images/graph.svg"
_FORMATS = ("text", "mermaid", "svg")

new = typer.Typer(help="Begin something new in this repository.", no_args_is_help=True, epilog=EXITS)


PANEL = "This repository"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (affected, graph, release):
        app.command(epilog=EXITS, rich_help_panel=PANEL)(command)
    app.add_typer(new, name="new", rich_help_panel=PANEL)


def affected(
    context: typer.Context,
    *,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="REF", help="Commit, branch or tag. Default: where this branch left origin/main, or main."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list with folders and targets.")] = False,
) -> None:
    """Tell which artifacts a change touches, one a line.

    What counts is what this branch did since it left REF, committed or not. An artifact is touched if
    anything that is inside of it has changed, libraries and locked packages too; texts (*.md, docs/) are
    inside of none. infra is touched by what it deploys. On main, where nothing tells what was there
    before, the last commit counts.

    ./darkroom affected

    ./darkroom affected --since validator-v0.2.0

    ./pants package $(./darkroom affected --json | jq -r '.artifacts[].targets')
    """
    from darkroom_cli.workspace import affected as work  # noqa: PLC0415 - --help does not need it
    from darkroom_cli.workspace.artifacts import present  # noqa: PLC0415 - the same
    from darkroom_cli.workspace.tools import Git, PantsProgram  # noqa: PLC0415 - the same

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        root = call.home.root
        git = Git(root)
        base = work.base(git, since)
        call.terminal.remark(f"· since {base.told}")
        found = work.affected(git, PantsProgram(root), base.commit, present(root))
        if as_json:
            told = [
                {"name": one.name, "kind": one.kind.value, "folder": one.folder, "targets": one.targets}
                for one in found
            ]
            call.terminal.say(json.dumps({"since": base.commit, "artifacts": told}))
            return
        for one in found:
            call.terminal.say(one.name)
        if not found:
            call.terminal.remark("· no artifact")


def graph(
    context: typer.Context,
    *,
    form: Annotated[
        str, typer.Option("--format", "-f", metavar="FORMAT", help=f"One of {', '.join(_FORMATS)}.")
    ] = "text",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there, not to stdout.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help=f"Fail if {PICTURE} is not what it would be now.")
    ] = False,
) -> None:
    """Draw who depends on whom: libraries, services, and what is released of them.

    A tree for the terminal, Mermaid for a page, or SVG. Pants tells the dependencies, from imports and
    BUILD files; what only tests need is left out.

    ./darkroom graph

    ./darkroom graph --format svg -o docs/images/graph.svg
    """
    from darkroom_cli.workspace import drawing, svg  # noqa: PLC0415 - --help does not need them
    from darkroom_cli.workspace import graph as work  # noqa: PLC0415 - the same
    from darkroom_cli.workspace.errors import BadArgumentError, OutdatedError  # noqa: PLC0415 - the same
    from darkroom_cli.workspace.tools import PantsProgram  # noqa: PLC0415 - the same

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        if form not in _FORMATS:
            raise BadArgumentError(f"--format: {form!r} is none of {', '.join(_FORMATS)}")
        draw = {"text": drawing.text, "mermaid": drawing.mermaid, "svg": svg.svg}[form]
        found = work.build(PantsProgram(call.home.root).targets())
        if check:
            picture = call.home.root / PICTURE
            if not picture.is_file() or picture.read_text() != svg.svg(found):
                raise OutdatedError(f"{PICTURE} is out of date: ./darkroom graph --format svg -o {PICTURE}")
            return
        drawn = draw(found)
        if output is None:
            call.terminal.say(drawn.rstrip("\n"))
        else:
            output.write_text(drawn if drawn.endswith("\n") else f"{drawn}\n")
            call.terminal.remark(f"· {output}")


def release(
    context: typer.Context,
    artifact: Annotated[str, typer.Argument(metavar="ARTIFACT", help="Its name; `affected` tells them.")],
    *,
    patch: Annotated[bool, typer.Option("--patch", help="1.2.3 becomes 1.2.4: mended only.")] = False,
    minor: Annotated[bool, typer.Option("--minor", help="1.2.3 becomes 1.3.0: something new.")] = False,
    major: Annotated[bool, typer.Option("--major", help="1.2.3 becomes 2.0.0: users must act.")] = False,
    current: Annotated[
        bool, typer.Option("--current", help="Tag the version that the files tell, if it has no tag.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check all, tell all, change nothing.")] = False,
    no_commit: Annotated[bool, typer.Option("--no-commit", help="Change the files only.")] = False,
) -> None:
    """Release one artifact: new version, changelog, a commit and the tag <artifact>-v<version>.

    Nothing is pushed; the tag's name goes to stdout. It refuses if there are uncommitted changes, if
    nothing inside of the artifact has changed since its last tag, if its changelog has nothing below
    "Unreleased", or if the tag is there. After a refusal everything is as before. The chart's appVersion
    follows the queue agent's version.

    ./darkroom release validator --minor --dry-run

    ./darkroom release validator --minor

    git push origin HEAD validator-v0.3.0
    """
    from darkroom_cli.workspace.artifacts import find, present  # noqa: PLC0415 - --help does not need them
    from darkroom_cli.workspace.errors import BadArgumentError  # noqa: PLC0415 - the same
    from darkroom_cli.workspace.release import Releases, Step  # noqa: PLC0415 - the same
    from darkroom_cli.workspace.tools import Git, PantsProgram  # noqa: PLC0415 - the same

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        given = {Step.PATCH: patch, Step.MINOR: minor, Step.MAJOR: major, Step.CURRENT: current}
        steps = [step for step, wanted in given.items() if wanted]
        if len(steps) != 1:
            raise BadArgumentError("say one of --patch, --minor, --major, --current")
        if no_commit and current:
            raise BadArgumentError("--no-commit: with --current there is nothing to do but the tag")
        root = call.home.root
        known = present(root)
        releases = Releases(
            root=root, git=Git(root), pants=PantsProgram(root), date=_today(), artifacts=known
        )
        plan = releases.plan(find(artifact, known), steps[0])
        call.terminal.remark(f"· {plan.artifact.name} {plan.old} -> {plan.new}", style="cyan")
        for name in plan.edits:
            call.terminal.remark(f"· {name}")
        for line in plan.notes.splitlines():
            call.terminal.remark(f"    {line}" if line else "")
        if dry_run:
            call.terminal.remark("· a dry run: nothing was changed")
        elif no_commit:
            releases.write(plan)
            call.terminal.remark(f"· left to you: git commit --all, git tag --annotate {plan.tag}")
            return
        else:
            releases.carry_out(plan)
            call.terminal.remark(f"· publish it: git push origin HEAD {plan.tag}")
        call.terminal.say(plan.tag)


@new.command("service", epilog=EXITS)
def new_service(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Such as thumbnailer or prompt-filter.")],
) -> None:
    """Begin a service: a small Lambda with GET /health, its tests, version, changelog and BUILD files.

    It is entered in the BUILD file at the root, in pyproject.toml and in the list of artifacts. It passes
    CI as it is:

    ./darkroom new service thumbnailer

    ./pants lint check test package services/thumbnailer::
    """
    from darkroom_cli.workspace import scaffold  # noqa: PLC0415 - --help does not need it

    call: Invocation = context.obj
    with explained(call.terminal, call.home, verbose=call.verbose):
        planned = scaffold.plan(call.home.root, name, _today())
        scaffold.write(call.home.root, planned)
        for file in (*planned.new, *planned.edits):
            call.terminal.say(file)
        call.terminal.remark(f"· check it: ./pants lint check test package {planned.folder}::", style="cyan")
        call.terminal.remark("· deploy it: docs/develop/add-a-service.md")


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
