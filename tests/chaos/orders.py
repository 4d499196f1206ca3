"""What is ordered under chaos, and what must come of each order. The same seed makes the same orders."""

import base64
import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any

from PIL import Image

STATIC, DYNAMIC, COMFY = "sdruntime", "sddynamic", "comfyruntime"
NOBODY = "nobody"
MODELS = ("v1-5-pruned-emaonly.safetensors", "sd_xl_base_1.0.safetensors", "dreamshaper_8.safetensors")
SIDE = 64  # pixels of a painted picture
INPUT_SIDE = 16  # pixels of a picture that an order brings
CLIP_SKIP = {"CLIP_stop_at_last_layers": 2}
PREFIX = "chaos"
# Of all orders: published straight to the topic, sent once even if refused, an id that was used before.
BARE, IMPATIENT, AGAIN = 0.15, 0.03, 0.05
PERMANENT = 0.01

type Json = dict[str, Any]


@dataclass(frozen=True)
class Painted:
    """A picture with this in its metadata; `model` None for whichever was loaded."""

    prompt: str
    seed: int
    model: str | None
    clip_skip: int = 1


@dataclass(frozen=True)
class Coloured:
    """A picture of one colour, which is all that is known about it."""

    colour: tuple[int, int, int]
    size: tuple[int, int]


@dataclass(frozen=True)
class Order:
    """One task that is submitted.

    `codes`: of which one has to be told as its failure; none where it has to succeed. `bare`: published
    straight to the topic. `patient`: sent again until it is accepted. `again`: has the id of an order before
    it, which has to end first.
    """

    number: int
    id: str
    runtime: str
    tasktype: str
    content: Json
    pictures: tuple[Painted | Coloured, ...] = ()
    codes: frozenset[str] = frozenset()
    kind: str = ""
    bare: bool = False
    patient: bool = True
    again: bool = False

    @property
    def metadata(self) -> Json:
        """The metadata of its request; the context names the order, whatever its id."""
        return {
            "id": self.id,
            "runtime": self.runtime,
            "tasktype": self.tasktype,
            "prefix": PREFIX,
            "context": {"order": self.number},
        }

    @property
    def request(self) -> Json:
        """The body for the API."""
        return {"task": {"metadata": self.metadata, "content": self.content}}

    @property
    def message(self) -> str:
        """The message for the topic."""
        return json.dumps({"metadata": self.metadata, "content": self.content})


@dataclass
class Orders:
    """Makes orders.

    `links` is the URL of a server that has any picture `/<red>-<green>-<blue>.png` of one colour. `run` goes
    into ids, so that runs never meet. `unrouted`: some go to a runtime that there is not.
    """

    seed: int
    links: str
    run: str
    permanent: float = PERMANENT
    unrouted: bool = False
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def make(self, count: int) -> Iterator[Order]:
        """Yield so many orders."""
        free: list[int] = []  # numbers whose ids have been used once
        for number in range(1, count + 1):
            order = self._fault(number) if self._chance(self.permanent) else self._good(number)
            order = replace(order, bare=order.bare or self._chance(BARE))
            if not order.bare:
                order = replace(order, patient=not self._chance(IMPATIENT))
            if len(free) > 10 and self._chance(AGAIN):
                order = replace(order, id=self._id(free.pop(self._random.randrange(10))), again=True)
            else:
                free.append(number)
            yield order

    def _chance(self, probability: float) -> bool:
        return self._random.random() < probability

    def _id(self, number: int) -> str:
        return f"{self.run}-{number:05d}"

    def _order(
        self, number: int, kind: str, runtime: str, tasktype: str, content: Json, **more: Any
    ) -> Order:
        return Order(number, self._id(number), runtime, tasktype, content, kind=kind, **more)

    def _good(self, number: int) -> Order:
        makers = {
            self._text_to_image: 30,
            self._with_settings: 10,
            self._image_to_image: 14,
            self._upscaled: 9,
            self._with_model: 15,
            self._workflow: 16,
            self._workflow_with_link: 6,
        }
        [maker] = self._random.choices(list(makers), list(makers.values()))
        return maker(number)

    def _text_to_image(self, number: int) -> Order:
        count = 2 if self._chance(0.1) else 1
        content = {**_basics(number), **({"batch_size": count} if count > 1 else {})}
        pictures = tuple(Painted(_prompt(number), number + index, MODELS[0]) for index in range(count))
        return self._order(number, "text-to-image", STATIC, "text-to-image", content, pictures=pictures)

    def _with_settings(self, number: int) -> Order:
        content = {**_basics(number), "override_settings": dict(CLIP_SKIP)}
        if self._chance(0.5):
            content["override_settings_restore_afterwards"] = False
        pictures = (Painted(_prompt(number), number, MODELS[0], clip_skip=2),)
        return self._order(number, "settings", STATIC, "text-to-image", content, pictures=pictures)

    def _image_to_image(self, number: int) -> Order:
        content = {**_basics(number), "init_images": [self._input(number)], "denoising_strength": 0.6}
        pictures = (Painted(_prompt(number), number, MODELS[0]),)
        return self._order(number, "image-to-image", STATIC, "image-to-image", content, pictures=pictures)

    def _upscaled(self, number: int) -> Order:
        content = {"image": self._input(number), "upscaling_resize": 2, "upscaler_1": "Lanczos"}
        pictures = (Coloured(_colour(number), (2 * INPUT_SIDE, 2 * INPUT_SIDE)),)
        return self._order(number, "upscaling", STATIC, "extra-single-image", content, pictures=pictures)

    def _with_model(self, number: int) -> Order:
        model = self._random.choice(MODELS)
        content = {**_basics(number), "alwayson_scripts": {"sd_model_checkpoint": model}}
        pictures = (Painted(_prompt(number), number, model),)
        return self._order(number, "model", DYNAMIC, "text-to-image", content, pictures=pictures)

    def _workflow(self, number: int) -> Order:
        pictures = (Painted(_prompt(number), number, MODELS[0]),)
        return self._order(number, "pipeline", COMFY, "pipeline", _graph(number), pictures=pictures)

    def _workflow_with_link(self, number: int) -> Order:
        graph = _graph(number)
        graph["10"] = {"class_type": "LoadImage", "inputs": {"image": self._link(number)}}
        graph["11"] = {"class_type": "VAEEncode", "inputs": {"pixels": ["10", 0], "vae": ["4", 2]}}
        graph["3"]["inputs"] |= {"latent_image": ["11", 0], "denoise": 0.6}
        del graph["5"]
        pictures = (Painted(_prompt(number), number, MODELS[0]),)
        return self._order(number, "pipeline, link", COMFY, "pipeline", graph, pictures=pictures)

    def _fault(self, number: int) -> Order:
        basics = _basics(number)
        nobody = ("runtime",) if self.unrouted else ()
        kind = self._random.choice(("model", "input", "script", "picture", "node", *nobody))
        match kind:
            case "model":
                content = {**basics, "alwayson_scripts": {"sd_model_checkpoint": "nowhere.safetensors"}}
                order = self._order(number, "", DYNAMIC, "text-to-image", content)
                codes = {"unknown_model"}
            case "input":
                content = {**basics, "init_images": ["http://127.0.0.1:9/nothing.png"]}
                order = self._order(number, "", STATIC, "image-to-image", content)
                codes = {"input_unreachable"}
            case "script":
                content = {**basics, "alwayson_scripts": {"nowhere": {}}}
                order = self._order(number, "", STATIC, "text-to-image", content)
                codes = {"runtime_refused"}
            case "picture":
                content = {**basics, "init_images": [base64.b64encode(b"this is no picture").decode()]}
                order = self._order(number, "", STATIC, "image-to-image", content)
                codes = {"runtime_refused"}
            case "runtime":
                # The API would refuse it.
                order = replace(self._order(number, "", NOBODY, "text-to-image", basics), bare=True)
                codes = {"unknown_runtime"}
            case _:
                graph = _graph(number)
                graph["8"]["class_type"] = "NodeOfNobody"
                order = self._order(number, "", COMFY, "pipeline", graph)
                codes = {"bad_graph", "runtime_refused"}
        return replace(order, kind=f"permanent fault: {kind}", codes=frozenset(codes))

    def _input(self, number: int) -> str:
        if self._chance(0.5):
            return self._link(number)
        return base64.b64encode(one_colour(_colour(number))).decode()

    def _link(self, number: int) -> str:
        red, green, blue = _colour(number)
        return f"{self.links}/{red}-{green}-{blue}.png"


def one_colour(colour: tuple[int, int, int]) -> bytes:
    """Return a PNG of one colour."""
    packed = io.BytesIO()
    Image.new("RGB", (INPUT_SIDE, INPUT_SIDE), colour).save(packed, "PNG")
    return packed.getvalue()


def _prompt(number: int) -> str:
    return f"a lighthouse, number {number}"


def _colour(number: int) -> tuple[int, int, int]:
    return number * 37 % 256, number // 256 * 16 % 256, number * 101 % 256


def _basics(number: int) -> Json:
    return {"prompt": _prompt(number), "seed": number, "steps": 4, "width": SIDE, "height": SIDE}


def _graph(number: int) -> Json:
    text = resources.files("task_schema.examples").joinpath("v1alpha2-pipeline.json").read_text()
    graph: Json = json.loads(text)["task"]["content"]
    graph["3"]["inputs"] |= {"seed": number, "steps": 4}
    graph["5"]["inputs"] |= {"width": SIDE, "height": SIDE}
    graph["6"]["inputs"]["text"] = _prompt(number)
    return graph
