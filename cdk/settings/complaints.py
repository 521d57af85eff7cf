"""Complaints about settings: a line for each, with its key in cdk.json, what it should be and what it is."""

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

#: A setting's place: its keys and the tag of each chosen kind.
Place = tuple[int | str, ...]
_LONGEST_SHOWN = 60


def complaints(error: ValidationError, section: type[BaseModel]) -> Iterator[str]:
    """The first complaint about each key, because pydantic may have several about one list."""
    fields = dict(every_field(section))
    said = {path(detail["loc"]): _complaint(detail, fields) for detail in reversed(error.errors())}
    yield from (f"{key}: {says}" for key, says in reversed(said.items()))


def every_field(section: type[BaseModel], at: Place = ()) -> Iterator[tuple[Place, FieldInfo]]:
    for key, field in section.model_fields.items():
        yield (*at, key), field
        for tag, kind in kinds(field.annotation):
            yield from every_field(kind, (*at, key, *tag))


def kinds(annotation: Any, tag: Place = ()) -> Iterator[tuple[Place, type[BaseModel]]]:  # noqa: ANN401  # a type
    """The sections that a field may hold, each with its tag if there are several."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield tag, annotation
    parts = get_args(annotation)
    for part in parts:
        yield from kinds(part, tuple(it.tag for it in parts if isinstance(it, Tag)) or tag)


def path(place: Place) -> str:
    return ".".join(step for step in place if isinstance(step, str) and not step.startswith("with "))


def _complaint(detail: ErrorDetails, fields: Mapping[Place, FieldInfo]) -> str:
    place = tuple(step for step in detail["loc"] if isinstance(step, str))
    if detail["type"] == "extra_forbidden":
        return _unknown(place, {path(it) for it in fields})
    wanted = should_be(fields[place]) if place in fields else "an object of settings"
    if detail["type"] == "missing":
        return f"is missing; it should be {wanted}"
    return f"should be {wanted}, {'one ' if place != detail['loc'] else ''}is {shown(detail['input'])}"


def _unknown(place: Place, known: set[str]) -> str:
    key, tags = path(place), [step for step in map(str, place[:-1]) if step.startswith("with ")]
    if tags and key in known:
        return f"does not go with {path(place[:-1])}.{tags[-1].removeprefix('with ')}; leave one of them out"
    near = get_close_matches(key, known, n=1)
    return f"no such setting; {f'did you mean {near[0]}?' if near else 'docs/settings.md has all of them'}"


def shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def should_be(field: FieldInfo) -> str:
    """The field's title, or else a text from its type and bounds."""
    kind: Any = field.annotation
    inner = [it for it in get_args(kind) if it is not NoneType]
    if field.title or kind is bool:
        return field.title or "true or false"
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, inner))}"
    if get_origin(kind) is tuple:
        return f"a list of at least 1, each {should_be(FieldInfo.from_annotation(inner[0]))}"
    if inner and not field.metadata:  # an optional value
        return should_be(FieldInfo.from_annotation(inner[0]))
    if list(kinds(kind)):
        return "an object of settings"
    bounds = [f"from {it.ge}" for it in field.metadata if isinstance(it, Ge)]
    bounds += [f"to {it.le}" for it in field.metadata if isinstance(it, Le)]
    return " ".join(["a number" if kind is float else "a whole number", *bounds])
