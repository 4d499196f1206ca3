"""Starts locust with this load test: `./pants run tests/load:program -- --headless --users 5 ...`."""

import sys
from collections.abc import Callable
from pathlib import Path

# It puts gevent under the standard library, so it comes before whatever opens connections.
from locust.main import main as locust

FILE = Path(__file__).with_name("locustfile.py")


def main() -> None:
    """Run locust with all options that were given."""
    if not {"-f", "--locustfile"} & set(sys.argv):
        sys.argv[1:1] = ["--locustfile", str(FILE)]
    start: Callable[[], None] = locust
    start()


if __name__ == "__main__":
    main()
