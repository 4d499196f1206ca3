"""The node types of the sketch: what they take and give (as /object_info tells it), and what they do."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from local.sketch.comfyui.files import Files
from local.sketch.prepared import PreparedPicture
from local.sketch.settings import SketchSettings
from local.sketch.studio import Order, Studio

type Choices = Callable[["Context"], list[str]]
type Kind = str | tuple[str, ...] | Choices
type Spec = tuple[Kind, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Latent:
    """A batch on its way through the samplers: its size in pixels, and the pictures once there are any."""

    width: int
    height: int
    count: int
    pictures: tuple[Image.Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a node gives: its output slots, and what history shows of it."""

    results: tuple[Any, ...] = ()
    ui: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Context:
    """What nodes may use of the server, and of the prompt they run in."""

    settings: SketchSettings
    files: Files
    studio: Studio
    prepared: PreparedPicture | None = None
    prompt: Mapping[str, Any] = field(default_factory=dict)
    pnginfo: Mapping[str, Any] = field(default_factory=dict)
    loaded: set[str] = field(default_factory=set)
    load: Callable[[str], Awaitable[None]] | None = None
    sample: Callable[[int, Sequence[Image.Image]], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class NodeType:
    """One class of nodes."""

    name: str
    title: str
    category: str
    inputs: Mapping[str, Spec]
    outputs: tuple[str, ...]
    run: Callable[..., Awaitable[Outcome]]
    is_output: bool = False
    optional: Mapping[str, Spec] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    check: Callable[[Context, Mapping[str, Any]], str | None] | None = None
    checked: frozenset[str] = frozenset()
    """Inputs whose value `check` judges, in place of the list of choices."""
    fingerprint: Callable[[Context, Mapping[str, Any]], str] | None = None
    """What besides its inputs makes a run differ from the last one."""

    def specs(self, context: Context) -> dict[str, list[Any]]:
        """All inputs with their types and limits, lists of choices filled in."""
        return {**self._filled(self.inputs, context), **self._filled(self.optional, context)}

    def as_json(self, context: Context) -> dict[str, Any]:
        """The entry of /object_info."""
        wanted: dict[str, Any] = {"required": self._filled(self.inputs, context)}
        if self.optional:
            wanted["optional"] = self._filled(self.optional, context)
        if self.hidden:
            wanted["hidden"] = dict(self.hidden)
        return {
            "input": wanted,
            "input_order": {key: list(value) for key, value in wanted.items()},
            "output": list(self.outputs),
            "output_is_list": [False] * len(self.outputs),
            "output_name": list(self.outputs),
            "name": self.name,
            "display_name": self.title,
            "description": "",
            "python_module": "nodes",
            "category": self.category,
            "output_node": self.is_output,
        }

    @staticmethod
    def _filled(specs: Mapping[str, Spec], context: Context) -> dict[str, list[Any]]:
        return {name: [_choices(kind, context), dict(limits)] for name, (kind, limits) in specs.items()}


def _choices(kind: Kind, context: Context) -> str | list[str]:
    if isinstance(kind, str):
        return kind
    return list(kind) if isinstance(kind, tuple) else kind(context)


def order_of(
    latent: Latent, index: int, *, prompt: str, negative: str, seed: int, steps: int, denoise: float
) -> Order:
    """What a sampler asks the studio to paint for one picture of a batch."""
    base = latent.pictures[index % len(latent.pictures)] if latent.pictures else None
    return Order(
        prompt,
        negative,
        seed + index,
        latent.width,
        latent.height,
        steps,
        base if denoise < 1.0 else None,
        denoise,
    )
