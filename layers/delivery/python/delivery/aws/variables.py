"""How a settings class is read from environment variables, and what a complaint about one says."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, Self, get_args, get_origin

from annotated_types import Ge, Le, MinLen
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo


class SettingsError(Exception):
    """Settings are missing or malformed; the text has a line for each."""


class Section(BaseModel):
    """Some settings that belong together."""

    # Built on first use: a cold start pays for the one class that its function reads.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class FunctionSettings(Section):
    """A field is the variable of the same name in upper case; a section's name stands before those of its fields."""

    @classmethod
    def names(cls) -> frozenset[str]:
        """The variables that this class reads."""
        return frozenset(variable.name for variable in variables(cls))

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Self:
        """The settings in this environment, the process's own by default.

        Raises:
            SettingsError: with one line for each variable that is missing or malformed.
        """
        source = os.environ if environment is None else environment
        try:
            return cls.model_validate(_nested(cls, source))
        except ValidationError as error:
            wrong = [detail["loc"] for detail in error.errors()]
            named = (it for it in variables(cls) if any(loc[: len(it.path)] == it.path for loc in wrong))
            lines = [it.complaint(source) for it in named]
            raise SettingsError("\n".join(lines)) from None


class Variable(NamedTuple):
    name: str
    #: where the class has its value
    path: tuple[str, ...]
    field: FieldInfo

    def complaint(self, source: Mapping[str, str]) -> str:
        """Without the value, which may be a secret put into the wrong variable."""
        missing = "" if self.name in source else "is missing; it "
        return f"{self.name}: {missing}should be {should_be(self.field)}"

    def value(self, text: str) -> object:
        """Lists are separated by commas."""
        parts = [part.strip() for part in text.split(",")]
        return tuple(filter(None, parts)) if get_origin(self.field.annotation) is tuple else text.strip()


def variables(settings: type[BaseModel], at: tuple[str, ...] = ()) -> Iterator[Variable]:
    for name, field in settings.model_fields.items():
        path = (*at, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from variables(field.annotation, path)
        else:
            yield Variable(field.serialization_alias or "_".join(path).upper(), path, field)


def _nested(settings: type[BaseModel], source: Mapping[str, str]) -> Mapping[str, Any]:
    """As the class has them; sections are there even when none of their variables is."""
    given: dict[str, Any] = {}
    for variable in variables(settings):
        *sections, name = variable.path
        section = given.setdefault(sections[0], {}) if sections else given
        if variable.name in source:
            section[name] = variable.value(source[variable.name])
    return given


def should_be(field: FieldInfo) -> str:
    """In words, to stand after "should be": the field's title if it has one, or else what its type and bounds say."""
    kind: Any = field.annotation
    inner = [it for it in get_args(kind) if it is not type(None)]
    if field.title or kind is bool:
        return field.title or "true or false"
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, inner))}"
    if get_origin(kind) is tuple:
        least = "".join(f" of at least {bound.min_length}" for bound in field.metadata if isinstance(bound, MinLen))
        return f"a list{least}, each {should_be(FieldInfo.from_annotation(inner[0]))}"
    if inner:  # or None
        return should_be(FieldInfo.from_annotation(inner[0]))
    return f"a {'whole number' if kind is int else 'number'}{_range(field)}"


def _range(field: FieldInfo) -> str:
    low = [f" from {bound.ge}" for bound in field.metadata if isinstance(bound, Ge)]
    high = [f" to {bound.le}" for bound in field.metadata if isinstance(bound, Le)]
    return "".join([*low, *high])
