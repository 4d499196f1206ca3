"""The builder by itself; `./darkroom snapshot` has the same commands."""

from snapshots.commands import app


def main() -> None:
    """Run the command line."""
    app(prog_name="snapshots")


if __name__ == "__main__":
    main()
