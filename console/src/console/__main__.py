"""`python -m console`: the console as a process."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from console.errors import ConsoleError, SettingsError
from console.page import Page
from console.server import serve
from console.settings import Sources

_LEAST_TOKEN = 20  # characters

_EPILOG = """
People use `./darkroom up` (the system on this machine) and `./darkroom console` (a deployed one), which start
this and print the address to open. By hand:

  umask 077
  printf '{"mode": "api", "endpoint": "https://...", "api_key": "..."}' > sources.json
  python -c 'import secrets; print(secrets.token_urlsafe(32))' > token
  python -m console --sources sources.json --port 8300 --token-file token

and open http://127.0.0.1:8300/?token=TOKEN. SIGTERM and Ctrl-C end it.
"""


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="console",
        description="Serves the console's page on 127.0.0.1; the API key stays in this process.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--sources",
        type=Path,
        required=True,
        metavar="FILE",
        help="JSON (console.settings.Sources): mode, endpoint, api_key, ...; for your eyes only (0600)",
    )
    parser.add_argument("--port", type=int, required=True, metavar="N", help="of 127.0.0.1; 0: any free one")
    parser.add_argument(
        "--token-file",
        type=Path,
        required=True,
        metavar="FILE",
        help=f"the secret in the address, {_LEAST_TOKEN} characters at least; for your eyes only (0600)",
    )
    parser.add_argument(
        "--page",
        type=Path,
        metavar="DIR",
        help="for development: serve the page from a folder (console/page/built), read anew at each request",
    )
    return parser.parse_args(argv)


def run(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConsoleError: something that was given cannot be.
    """
    page = None if options.page is None else Page.of_folder(options.page)
    serve(Sources.read(options.sources), options.port, _token(options.token_file), page=page)


def _token(file: Path) -> str:
    try:
        token = file.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as exc:
        raise SettingsError(
            f"{file} cannot be read: {exc.strerror if isinstance(exc, OSError) else 'it is not ASCII'}"
        ) from None
    if len(token) < _LEAST_TOKEN or not all(char.isalnum() or char in "-_" for char in token):
        raise SettingsError(f"{file}: a token has {_LEAST_TOKEN} characters or more of A-Z a-z 0-9 - _")
    return token


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit status."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    options = arguments(argv)
    try:
        run(options)
    except ConsoleError as exc:
        sys.stderr.write(f"console: {exc}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
