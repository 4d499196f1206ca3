"""Runs a benchmark or a play of the chaos tests by its name.

    ./pants run tests:program -- bench.gpu_busy --quick
    ./pants run tests:program -- chaos.play --tasks 200 --seed 7

Each explains itself with `--help`. They need the emulator: `./pants package 3rdparty:ministack`, and
`export DARKROOM_MINISTACK=dist/ministack.pex`. In a virtual environment with the sources on PYTHONPATH,
`python -m tests.bench.gpu_busy` in the root of the repository does the same.
"""

import runpy
import sys

PROGRAMS = {
    "bench.gpu_busy": "how busy the agent keeps its GPU",
    "bench.two_agents": "how two agents share a queue",
    "bench.tracing": "what tracing costs the agent",
    "bench.latency": "from POST to notification",
    "bench.agent_start": "how soon an agent asks for work",
    "bench.webhooks": "how soon webhooks come while a receiver hangs",
    "bench.waiting": "what clients that wait cost those who submit",
    "bench.polling": "who is throttled where one asks without a pause",
    "bench.console": "how fast the console's page is, and how smoothly it scrolls",
    "console.shots": "the documentation's screenshots of the console",
    "chaos.play": "orders under faults, and what became of each",
    "chaos.sigterm": "SIGTERM at random moments",
    "chaos.cancels": "cancels at random moments",
    "chaos.crashes": "the accepting function killed at each step",
    "chaos.lost": "how soon three lost inferences are told",
    "chaos.memory": "what the agent's memory does over many tasks",
}


def main() -> int:
    """Run the program that the command line names; return 2 where it names none."""
    if len(sys.argv) < 2 or sys.argv[1] not in PROGRAMS:
        asked = len(sys.argv) > 1 and sys.argv[1] in {"-h", "--help"}
        lines = [f"  {name:<18} {meaning}" for name, meaning in PROGRAMS.items()]
        said = "\n".join(["usage: ./pants run tests:program -- NAME [OPTION...]", "", *lines])
        print(said, file=sys.stdout if asked else sys.stderr)
        return 0 if asked else 2
    name = sys.argv.pop(1)
    runpy.run_module(f"tests.{name}", run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
