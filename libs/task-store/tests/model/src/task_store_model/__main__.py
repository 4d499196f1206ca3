"""Explores all scenarios: `python -m task_store_model [--long]`."""

import argparse
import resource
import sys
import time
from collections import Counter

from task_store_model import telling
from task_store_model.scenarios import LONG, SHORT


def main() -> int:
    """Print what was seen; return 1 if a promise is broken."""
    parser = argparse.ArgumentParser(prog="task_store_model", description=__doc__)
    parser.add_argument("--long", action="store_true", help="with larger bounds: some minutes, some GB")
    long = parser.parse_args().long
    taken: Counter[str] = Counter()
    bad = 0
    for scenario in (*SHORT, *(LONG if long else ())):
        begun = time.process_time()
        found = scenario.search()
        taken += found.actions
        bad += bool(found.broken or not found.complete)
        say(telling.line(scenario.name, found, time.process_time() - begun))
        if found.broken:
            say(telling.trace(found.trace))
    say(f"\n{telling.table(taken)}")
    say(f"\n{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB at most")
    return 1 if bad else 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
