from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """A mapping of the file: its keys are known, and one that is left empty counts as left out."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_empty_keys(cls, data: Any) -> Any:
        # The guide's template comments values out and leaves their key: `extraValues:` is None in YAML.
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None}
