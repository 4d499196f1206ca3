"""Reading the sections' own description: which keys there are, what they mean, what is allowed."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo

from infra.configuration.section import Section


class Key(NamedTuple):
    """A key of the file."""

    path: str  # as the page writes it: modelsRuntime[].name
    field: FieldInfo
    section: type[Section] | None  # the mapping that it leads to, or each of a list
    default: Any  # None: there is no such value
    required: bool

    @property
    def meaning(self) -> str:
        """What it is for."""
        return self.field.title or ""

    @property
    def allowed(self) -> str:
        """What may be there."""
        return self.field.description or ""


def fields_of(section: type[Section]) -> dict[str, FieldInfo]:
    """Return the fields of a section by their names in the file."""
    return {field.alias or name: field for name, field in section.model_fields.items()}


def section_of(annotation: Any) -> type[Section] | None:
    """Return the section that an annotation leads to, by itself, in a list, or where it may be left out."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    if get_origin(annotation) in {list, Annotated, UnionType}:
        return section_of(get_args(annotation)[0])
    return None


def keys_of(section: type[Section], path: str = "", example: Section | None = None) -> Iterator[Key]:
    """Yield each key of a section, each followed by those of the mapping that it leads to.

    Args:
        section: where to begin.
        path: what its keys' paths begin with.
        example: what holds where the section is left out.
    """
    for name, attribute in ((field.alias or key, key) for key, field in section.model_fields.items()):
        field = section.model_fields[attribute]
        inner = section_of(field.annotation)
        many = "[]" if inner is not None and get_origin(field.annotation) is list else ""
        default = _default(field) if example is None else getattr(example, attribute)
        here = f"{path}{name}{many}"
        yield Key(here, field, inner, default, required=field.is_required() and example is None)
        if inner is not None:
            yield from keys_of(inner, f"{here}.", default if isinstance(default, Section) else None)


def _default(field: FieldInfo) -> Any:
    if field.is_required():
        return None
    return field.get_default(call_default_factory=True, validated_data={})
