"""One prompt from execution_start to its history entry, with the events in their recorded order."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PIL import Image

from local.sketch.comfyui.graph import CacheKeys, Schedule
from local.sketch.comfyui.library import NODE_TYPES
from local.sketch.comfyui.nodes import Context, Outcome
from local.sketch.comfyui.queue import Item
from local.sketch.errors import JobInterruptedError, NodeFailedError, OutOfMemoryError, ServerRestartedError
from local.sketch.faults import Fault, FaultKind
from local.sketch.stats import now_ms
from local.sketch.studio import half_done

if TYPE_CHECKING:
    from local.sketch.comfyui.server import ComfyServer

PREVIEW_SIDE = 256
OUT_OF_MEMORY = "Allocation on device \nThis error means you ran out of memory on your GPU.\n"
LOST_AFTER_OUTPUT = "the second half of the workflow failed on purpose"


class PromptRun:
    """A prompt under way."""

    def __init__(self, server: "ComfyServer", item: Item) -> None:
        self._server = server
        self._gpu = server.gpu  # the one of this life of the process: a restart brings another
        self._item = item
        self._prompt = item.prompt
        self._context = Context(
            settings=server.settings,
            files=server.files,
            studio=server.studio,
            prepared=server.prepared,
            prompt=item.prompt,
            pnginfo=item.extra_data.get("extra_pnginfo") or {},
            loaded=server.loaded,
            load=self._load,
            sample=self._sample,
        )
        self._keys = CacheKeys(self._context, item.prompt)
        self._results: dict[str, Outcome] = {}
        self._states: dict[str, dict[str, Any]] = {}
        self._executed: list[str] = []
        self._messages: list[list[Any]] = []
        self._outputs: dict[str, Any] = {}
        self._node = ""
        self._due: Fault | None = item.fault
        self.outcome = "failed"

    async def run(self) -> dict[str, Any]:
        """Run all nodes; returns the history entry, failed or not.

        Raises:
            ServerRestartedError: the run is lost.
        """
        self._tell("execution_start", {}, keep=True)
        cached = self._server.recall(self._keys, self._prompt)
        self._results.update(cached)
        self._tell("execution_cached", {"nodes": list(cached)}, keep=True)
        try:
            await self._run_nodes(Schedule(self._prompt, self._item.outputs, set(cached)))
        except JobInterruptedError:
            self._say_interrupted()
        except (NodeFailedError, OutOfMemoryError, RuntimeError) as error:
            self._say_failed(error)
        else:
            self._tell("execution_success", {}, keep=True)
            self.outcome = "succeeded"
        return self._entry()

    async def _run_nodes(self, schedule: Schedule) -> None:
        samples = "KSampler" in schedule.class_types()
        while len(schedule):
            self._node = schedule.take()
            if self._node in self._results:
                self._show(self._node, self._results[self._node])
                self._states[self._node] = self._state(1, 1, "finished")
                self._tell_states()
                continue
            self._states[self._node] = self._state(0.0, 1.0, "running")
            self._tell_states()
            self._server.sockets.last_node = self._node
            self._tell("executing", {"node": self._node, "display_node": self._node})
            self._heed_interrupt()
            if not samples and self._due:
                await self._gpu.strike(self._due, self._strike)
                self._due = None
                self._heed_interrupt()
            await self._run_node()

    async def _run_node(self) -> None:
        outcome = await self._call()
        self._results[self._node] = outcome
        self._server.remember(self._keys.of(self._node), outcome)
        self._executed.append(self._node)
        self._show(self._node, outcome)
        state = self._states[self._node]
        value = state["max"] if state["value"] == 0 else state["value"]
        self._states[self._node] = self._state(value, state["max"], "finished")
        self._tell_states()
        fault = self._item.fault
        if outcome.ui is not None and fault and fault.kind is FaultKind.PARTIAL_OUTPUTS:
            raise NodeFailedError("RuntimeError", LOST_AFTER_OUTPUT)

    async def _call(self) -> Outcome:
        node = NODE_TYPES[self._prompt[self._node]["class_type"]]
        given = self._prompt[self._node]["inputs"]
        values = {name: given[name] for name in (*node.inputs, *node.optional) if name in given}
        for name, value in values.items():
            if isinstance(value, list):
                values[name] = self._results[str(value[0])].results[value[1]]
        return await node.run(self._context, **values)

    def _heed_interrupt(self) -> None:
        if self._server.interrupted:
            raise JobInterruptedError

    async def _load(self, name: str) -> None:
        if name not in self._server.loaded:
            await self._gpu.pause(self._server.settings.load_seconds)
            self._server.loaded.add(name)

    async def _sample(self, steps: int, pictures: Sequence[Image.Image]) -> None:
        def step(number: int) -> None:
            self._states[self._node] = self._state(number, steps, "running")
            self._tell_states()
            self._preview(pictures[0], number / steps)
            client = {"value": number, "max": steps, "prompt_id": self._item.prompt_id, "node": self._node}
            self._send("progress", client)

        fault, self._due = self._due, None
        done = await self._gpu.sample(
            steps,
            self._server.settings.seconds_per_image * len(pictures),
            stop=lambda: self._server.interrupted,
            step=step,
            fault=fault,
            on_fault=self._strike,
        )
        if done < 1.0:
            raise JobInterruptedError

    def _preview(self, picture: Image.Image, done: float) -> None:
        if not self._server.settings.previews or not self._item.client_id:
            return
        small = picture.copy()
        small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        out = io.BytesIO()
        half_done(small, done, 0).save(out, "JPEG")
        metadata = {
            "node_id": self._node,
            "prompt_id": self._item.prompt_id,
            "display_node_id": self._node,
            "parent_node_id": None,
            "real_node_id": self._node,
            "image_type": "image/jpeg",
        }
        self._server.sockets.send_preview(out.getvalue(), metadata, self._item.client_id)

    def _strike(self, fault: Fault) -> None:
        if fault.kind is FaultKind.INTERRUPTED:
            self._server.interrupted = True
        elif fault.kind is FaultKind.CUT_WEBSOCKET:
            self._server.sockets.cut()
        elif fault.kind is FaultKind.RESTART:
            self._server.restart(fault.seconds)
            raise ServerRestartedError("the server restarts")

    def _show(self, node_id: str, outcome: Outcome) -> None:
        fault = self._item.fault
        if outcome.ui is None or (fault and fault.kind is FaultKind.NO_IMAGES):
            return
        self._outputs[node_id] = dict(outcome.ui)
        self._tell("executed", {"node": node_id, "display_node": node_id, "output": dict(outcome.ui)})

    def _say_interrupted(self) -> None:
        self.outcome = "interrupted"
        data = {"node_id": self._node, "node_type": self._class(), "executed": self._executed}
        self._tell("execution_interrupted", data, keep=True, broadcast=True)

    def _say_failed(self, error: Exception) -> None:
        kind = error.kind if isinstance(error, NodeFailedError) else type(error).__name__
        message = str(error)
        if isinstance(error, OutOfMemoryError):
            kind, message = "torch.OutOfMemoryError", OUT_OF_MEMORY
        inputs = self._prompt[self._node]["inputs"]
        data = {
            "node_id": self._node,
            "node_type": self._class(),
            "executed": self._executed,
            "exception_message": message,
            "exception_type": kind,
            "traceback": [f'  File "sketch", in {self._class()}\n'],
            "current_inputs": {name: [str(value)] for name, value in inputs.items()},
            "current_outputs": list(self._results),
        }
        self._tell("execution_error", data, keep=True)

    def _class(self) -> str:
        return str(self._prompt[self._node]["class_type"])

    def _state(self, value: float, most: float, state: str) -> dict[str, Any]:
        return {
            "value": value,
            "max": most,
            "state": state,
            "node_id": self._node,
            "prompt_id": self._item.prompt_id,
            "display_node_id": self._node,
            "parent_node_id": None,
            "real_node_id": self._node,
        }

    def _tell_states(self) -> None:
        self._send("progress_state", {"prompt_id": self._item.prompt_id, "nodes": self._states})

    def _tell(self, event: str, data: dict[str, Any], *, keep: bool = False, broadcast: bool = False) -> None:
        said = {**data, "prompt_id": self._item.prompt_id}
        if keep:
            said["timestamp"] = now_ms()
            self._messages.append([event, said])
        self._send(event, said, broadcast=broadcast)

    def _send(self, event: str, data: dict[str, Any], *, broadcast: bool = False) -> None:
        client_id = self._item.client_id
        if broadcast:
            self._server.sockets.send(event, data, None)
        elif client_id is not None:
            self._server.sockets.send(event, data, client_id)

    def _entry(self) -> dict[str, Any]:
        good = self.outcome == "succeeded"
        return {
            "prompt": self._item.as_json(),
            "outputs": self._outputs,
            "status": {
                "status_str": "success" if good else "error",
                "completed": good,
                "messages": self._messages,
            },
            "meta": {
                node_id: {
                    "node_id": node_id,
                    "display_node": node_id,
                    "parent_node": None,
                    "real_node_id": node_id,
                }
                for node_id in self._outputs
            },
        }
