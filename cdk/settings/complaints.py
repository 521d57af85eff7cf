"""Complaints about settings: a line for each, with its key in cdk.json, what it should be and what it is."""

import json
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from cdk.settings.choice import Choice
from cdk.settings.section import RULE
from delivery.aws.variables import should_be

_LONGEST_SHOWN = 60


class SettingsError(Exception):
    """Settings that a person has to correct. The message has a line for each."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(" ".join(line.split()) for line in lines))  # keys may hold line breaks


def complaints(error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """The first complaint about each key. About one list pydantic may have several."""
    named = set[str]()
    for detail in error.errors():
        place = located(detail["loc"], model)
        says = detail["ctx"]["says"] if detail["type"] == RULE else place.complaint(detail)
        line = f"{place.path}{says}" if says.startswith(".") else f"{place.path}: {says}"
        if (key := line.partition(":")[0]) not in named:
            named.add(key)
            yield line


class Place(NamedTuple):
    """Where in a model an error is."""

    path: str
    section: type[BaseModel]
    #: None for a key that the section does not have
    field: FieldInfo | None
    #: the kind of the section, if it has several
    choice: Choice | None
    tag: str

    def complaint(self, detail: ErrorDetails) -> str:
        if self.field is None:
            return self._unknown()
        if detail["type"] == "missing":
            return f"is missing; it should be {should_be(self.field)}{self._instead()}"
        if detail["type"] in {"model_type", "union_tag_not_found"}:
            return f"should be an object of settings, is {shown(detail['input'])}"
        one = "one " if isinstance(detail["loc"][-1], int) else ""
        return f"should be {should_be(self.field)}, {one}is {shown(detail['input'])}"

    def _unknown(self) -> str:
        at, _, key = self.path.rpartition(".")
        owner = self.choice.owner(key) if self.choice else None
        if self.choice is None or owner is None:
            fields = self.choice.fields if self.choice else self.section.model_fields
            return f"no such setting; {_known(key, list(fields))}"
        ours, theirs = self.choice.said(at, self.tag), self.choice.said(at, owner)
        if not ours:
            return f"goes with {theirs}, which is missing"
        if key == owner:
            return f"does not go with {ours}; leave one of them out"
        return f"goes with {theirs}, not with {ours}; leave it out"

    def _instead(self) -> str:
        """What could be given instead, if this key chooses the kind of the section."""
        at, _, key = self.path.rpartition(".")
        if self.choice is None or key not in self.choice.kinds:
            return ""
        others = [self.choice.said(at, tag) for tag, kind in self.choice.kinds.items() if key not in kind.model_fields]
        return f", or else give {' or '.join(others)}"


def located(loc: tuple[int | str, ...], model: type[BaseModel]) -> Place:
    """Finds an error's place. Pydantic puts the chosen kind between a section's key and the keys in it."""
    path, section, tag = list[str](), model, ""
    field: FieldInfo | None = None
    choice: Choice | None = None
    for step in loc:
        if isinstance(step, int):
            break
        if (inner := choice_of(field)) and step in inner.kinds:
            section, field, choice, tag = inner.kinds[step], None, inner, step
            continue
        if kind := section_of(field):
            section, choice = kind, None
        path.append(step)
        field = section.model_fields.get(step)
    return Place(".".join(path), section, field, choice, tag)


def choice_of(field: FieldInfo | None) -> Choice | None:
    return next((it for it in field.metadata if isinstance(it, Choice)), None) if field else None


def section_of(field: FieldInfo | None) -> type[BaseModel] | None:
    """The section that a field holds, if it holds one."""
    kinds: tuple[Any, ...] = (field.annotation, *get_args(field.annotation)) if field else ()
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _known(key: str, names: list[str]) -> str:
    near = get_close_matches(key, names, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"
