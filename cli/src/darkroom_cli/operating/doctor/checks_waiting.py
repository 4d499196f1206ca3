"""The last check: what waits, so that nobody takes a full queue for a broken one."""

from collections.abc import Iterator

from darkroom_cli.operating.doctor.findings import Finding, note
from darkroom_cli.operating.doctor.scene import Scene


class QueuesMove:
    """Tells how many tasks wait in each queue."""

    def look(self, scene: Scene) -> Iterator[Finding]:
        """Yield the queues that have something in them."""
        for lane in scene.lanes:
            if lane.queue is None or not lane.busy:
                continue
            age = f", the oldest for {lane.queue.age:.0f} s" if lane.queue.age else ""
            yield note(
                "tasks-waiting",
                lane.name,
                f"{lane.queue.visible} tasks wait{age}; {lane.queue.in_flight} are in hand",
                "If nothing else is told here, they only wait for their turn: docs/operate/scaling.md",
            )
