"""From `config.yaml` to a `Config`, with errors that say where, what, and what is allowed instead."""

import difflib
import json
import logging
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from infra.config import Config
from infra.configuration.advice import advice
from infra.configuration.section import Section
from infra.configuration.sections import fields_of, section_of
from infra.consistency import problems_between_keys
from infra.errors import ConfigError

SHOWN_CHARACTERS = 80  # of a wrong value
LARGEST_BITS = 64  # of a number: what Helm and AWS can tell from its neighbours

FOLLOWS = "default_factory_not_called"  # pydantic's word for a default that needs what is wrong elsewhere
KEY = "[key]"  # pydantic's last step of the path to a key that is wrong itself

_logger = logging.getLogger(__name__)


class _Place(NamedTuple):
    """Where in the file an error is."""

    where: str  # as a user would write it: modelsRuntime[0].name
    field: FieldInfo | None  # what is there, if the key is known
    section: type[Section]  # the mapping that the key is in
    inner: type[Section]  # the mapping that the key leads to, if it does


class _CarefulLoader(yaml.SafeLoader):
    """Tells with its line what YAML would pass over in silence, or end with a stack trace at."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Refuse a key that is there twice: YAML would take the last, and lose the others."""
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if (key.tag, key.value) in seen:
                raise yaml.MarkedYAMLError(
                    problem=f'the key "{key.value}" is there twice', problem_mark=key.start_mark
                )
            seen.add((key.tag, key.value))
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Refuse what looks like a date or a number, or is tagged as one, and is none: `2026-13-45`."""
        try:
            value = super().construct_object(node, deep=deep)
            if isinstance(value, int) and value.bit_length() > LARGEST_BITS:
                raise OverflowError
        except (ArithmeticError, AttributeError, LookupError, ValueError) as exc:
            kind = node.tag.rpartition(":")[2]
            raise yaml.MarkedYAMLError(
                problem=f"{_shown(node.value)} cannot be read as {kind}; put it in quotes if it is text",
                problem_mark=node.start_mark,
            ) from exc
        return value


def load_config(path: Path, *, region: str | None = None) -> Config:
    """Read a deployment's configuration; what may be a slip, but works, is logged as a warning.

    Args:
        path: the file.
        region: where the deployment goes, if that is known: then what is bound to a region has to fit it.

    Raises:
        ConfigError: the file cannot be read, is no YAML mapping, or has wrong keys or values; all of those
            that can be told apart are in one error.
    """
    try:
        return _load(path, region)
    except RecursionError as exc:
        raise ConfigError(path=path, problems=["lists or mappings are nested too deeply in it"]) from exc


def load_section[S: Section](path: Path, model: type[S], *, variable: str) -> S:
    """Read a file that one section describes.

    Args:
        path: the file.
        model: the section.
        variable: the environment's name for another file.

    Raises:
        ConfigError: as `load_config` does.
    """
    data = _read_mapping(path, model, variable)
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        found = [_explain(error, model) for error in exc.errors() if error["type"] != FOLLOWS]
        raise ConfigError(path=path, problems=found) from exc


def _load(path: Path, region: str | None) -> Config:
    config = load_section(path, Config, variable="CDK_CONFIG_PATH")
    if problems := problems_between_keys(config, region=region):
        raise ConfigError(path=path, problems=problems)
    for warning in advice(config):
        _logger.warning("warning: %s: %s", path, warning)
    return config


def _read_mapping(path: Path, model: type[Section], variable: str) -> dict[str, Any]:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=_CarefulLoader)  # noqa: S506 - it is a SafeLoader
    except FileNotFoundError as exc:
        missing = f"there is no such file; {variable} names another one"
        raise ConfigError(path=path, problems=[missing]) from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(path=path, problems=[f"it cannot be read: {exc}"]) from exc
    except yaml.YAMLError as exc:
        raise ConfigError(path=path, problems=[f"it is no YAML: {_one_line(str(exc))}"]) from exc
    if not isinstance(data, dict):
        raise ConfigError(path=path, problems=[f"it holds {_shown(data)}, not a mapping; {_keys(model)}"])
    return data


def _explain(error: ErrorDetails, model: type[Section]) -> str:
    if error["type"] == "invalid_key" or error["loc"][-1] == KEY:
        within = error["loc"][: -2 if error["loc"][-1] == KEY else -1]
        where = _place(within, model).where or "the file"
        return f"{where}: the key {error['input']} is not text; put it in quotes"
    where, field, section, inner = _place(error["loc"], model)
    if error["type"] == "model_type":
        return f"{where}: {_shown(error['input'])} is not a mapping; {_keys(inner)}"
    if error["type"] == "extra_forbidden":
        return f"{where}: this key is not known here;{_meant(error['loc'][-1], section)} {_keys(section)}"
    allowed = field.description if field is not None and field.description else error["msg"]
    if error["type"] == "missing":
        return f"{where}: is required: {allowed}"
    if error["type"] == "too_long" and isinstance(error["input"], list):
        return f"{where}: {len(error['input'])} entries are not allowed; allowed is {allowed}"
    return f"{where}: {_shown(error['input'])} is not allowed; allowed is {allowed}"


def _place(loc: tuple[int | str, ...], model: type[Section]) -> _Place:
    """Follow a path of pydantic's through the sections."""
    where = ""
    field: FieldInfo | None = None
    section: type[Section] = model
    inner: type[Section] = model
    for step in loc:
        if isinstance(step, int):
            where += f"[{step}]"
            continue
        where += f".{step}" if where else step
        section = inner
        field = fields_of(section).get(step)
        inner = section if field is None else section_of(field.annotation) or Section
    return _Place(where, field, section, inner)


def _meant(key: int | str, section: type[Section]) -> str:
    lower = {name.lower(): name for name in fields_of(section)}
    close = difflib.get_close_matches(str(key).lower(), lower, n=1, cutoff=0.75)
    return f" did you mean {lower[close[0]]}?" if close else ""


def _keys(section: type[Section]) -> str:
    return "known are " + ", ".join(sorted(fields_of(section)))


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):  # dates as keys; lists that contain themselves
        text = repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."


def _one_line(text: str) -> str:
    return " ".join(text.split())
