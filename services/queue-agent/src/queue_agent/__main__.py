"""`python -m queue_agent`: work through the queue of one runtime until SIGTERM or Ctrl-C."""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
import time

from queue_agent import bootstrap, logs, replay
from queue_agent.errors import SettingsError
from queue_agent.settings import Settings
from telemetry import names, sdk

log = logging.getLogger(__name__)

# Threads of AWS calls must not keep the event loop from handing the GPU its next task (ADR 3).
_SWITCH_SECONDS = 0.0005

# For which the process waits for calls under way.
_THREAD_SECONDS = 0.5

_USAGE = """usage: queue-agent
       queue-agent replay FOLDER < request.json

Receives the tasks of one runtime from its SQS queue, runs them on the runtime, stores the outputs in S3 and
tells subscribers. All settings come from the environment; these have no default:

  RUNTIME_NAME RUNTIME_TYPE RUNTIME_URL QUEUE_URL TASKS_TABLE NOTIFICATIONS_TOPIC_ARN
  OUTPUT_BUCKET PAYLOAD_BUCKET

The others are described in services/queue-agent/README.md. `replay` runs one request on the runtime and
writes its outputs into a folder; no queue and no table is touched."""


async def _work(settings: Settings) -> None:
    async with bootstrap.worker(settings) as worker:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, worker.stop)
        # What is here stays for good: later collections, which stop the event loop, need not look at it.
        gc.collect()
        gc.freeze()
        log.info("agent started", extra={"action": "started", "type": settings.runtime_type})
        await worker.run()
        log.info("agent stopped", extra={"action": "stopped"})


def main() -> None:
    """Run the agent; exit code 2 where the settings are wrong."""
    if sys.argv[1:2] == ["replay"]:
        sys.exit(replay.main(sys.argv[2:]))
    if len(sys.argv) > 1:
        print(_USAGE)  # noqa: T201 - asked for on a terminal
        sys.exit(0 if sys.argv[1] in {"-h", "--help"} else 2)
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        settings = Settings.from_env(os.environ)
        logs.configure(settings.log_level, service="queue-agent", runtime=settings.runtime_name)
        telemetry = _traced(settings)
        try:
            asyncio.run(_work(settings))
        finally:
            telemetry.close()
        _end()
    except SettingsError as exc:
        print(f"queue-agent: {exc}", file=sys.stderr)  # noqa: T201 - logging is not configured yet
        sys.exit(2)


def _traced(settings: Settings) -> sdk.Telemetry:
    try:
        return sdk.start(service="darkroom-queue-agent", attributes={names.RUNTIME: settings.runtime_name})
    except ValueError as exc:
        raise SettingsError(f"wrong settings:\n  OTEL_*: {exc}") from exc


def _end() -> None:
    """End the process although a call to AWS may still hang in its thread; SIGKILL would come otherwise."""
    deadline = time.monotonic() + _THREAD_SECONDS
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                logging.shutdown()
                sys.stdout.flush()
                os._exit(0)


if __name__ == "__main__":
    main()
