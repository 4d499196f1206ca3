"""From `config.yaml` to a `Config`, with errors that say where, what, and what is allowed instead."""

import json
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_origin

import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from infra.config import Config, Section
from infra.consistency import problems_between_keys
from infra.errors import ConfigError

SHOWN_CHARACTERS = 80  # of a wrong value


class _Place(NamedTuple):
    """Where in the file an error is."""

    where: str  # as a user would write it: modelsRuntime[0].name
    field: FieldInfo | None  # what is there, if the key is known
    section: type[Section]  # the mapping that the key is in
    inner: type[Section]  # the mapping that the key leads to, if it does


def load_config(path: Path) -> Config:
    """Read a deployment's configuration.

    Raises:
        ConfigError: the file cannot be read, is no YAML mapping, or has wrong keys or values; all of those
            that can be told apart are in one error.
    """
    data = _read_mapping(path)
    try:
        config = Config.model_validate(data)
    except ValidationError as exc:
        raise ConfigError(path=path, problems=[_explain(error) for error in exc.errors()]) from exc
    if problems := problems_between_keys(config):
        raise ConfigError(path=path, problems=problems)
    return config


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        advice = "there is no such file; CDK_CONFIG_PATH names another one"
        raise ConfigError(path=path, problems=[advice]) from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(path=path, problems=[f"it cannot be read: {exc}"]) from exc
    except yaml.YAMLError as exc:
        raise ConfigError(path=path, problems=[f"it is no YAML: {_one_line(str(exc))}"]) from exc
    if not isinstance(data, dict):
        raise ConfigError(path=path, problems=[f"it holds {_shown(data)}, not a mapping; {_keys(Config)}"])
    return data


def _explain(error: ErrorDetails) -> str:
    where, field, section, inner = _place(error["loc"])
    if error["type"] == "model_type":
        return f"{where}: {_shown(error['input'])} is not a mapping; {_keys(inner)}"
    if error["type"] == "extra_forbidden":
        return f"{where}: this key is not known here; {_keys(section)}"
    allowed = field.description if field is not None and field.description else error["msg"]
    if error["type"] == "missing":
        return f"{where}: is required: {allowed}"
    return f"{where}: {_shown(error['input'])} is not allowed; allowed is {allowed}"


def _place(loc: tuple[int | str, ...]) -> _Place:
    """Follow a path of pydantic's through the sections."""
    where = ""
    field: FieldInfo | None = None
    section: type[Section] = Config
    inner: type[Section] = Config
    for step in loc:
        if isinstance(step, int):
            where += f"[{step}]"
            continue
        where += f".{step}" if where else step
        section = inner
        field = _fields(section).get(step)
        inner = _section_of(field.annotation) if field is not None else section
    return _Place(where, field, section, inner)


def _section_of(annotation: Any) -> type[Section]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    if get_origin(annotation) in {list, Annotated}:
        return _section_of(get_args(annotation)[0])
    return Section


def _keys(section: type[Section]) -> str:
    return "known are " + ", ".join(sorted(_fields(section)))


def _fields(section: type[Section]) -> dict[str, FieldInfo]:
    """Return the fields of a section by their names in the file."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 3] + "..."


def _one_line(text: str) -> str:
    return " ".join(text.split())
