"""Settings as JSON gives them in, a frozen dataclass out; what does not fit is one line that names the key."""

import dataclasses
import json
from collections.abc import Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from cdk.settings.rules import Rule

Settings = TypeVar("Settings")

_LONGEST_SHOWN = 60


class SettingsError(Exception):
    """A setting that a person has to put right; the message names the key and says what it should be."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))  # one line, whatever a key or a tool's output contains


def read(kind: type[Settings], given: object, *, at: str = "") -> Settings:
    """`given` as a `kind`: each field is a section (a dataclass, or one or None) or `Annotated[type, rule]`."""
    hints = get_type_hints(kind, include_extras=True)
    sections = _section(given, at=at)
    for key in sections:
        if key not in hints:
            raise SettingsError(f"{_join(at, key)}: no such setting; {_known(key, list(hints))}")
    return kind(
        **{
            field.name: _field(field, hints[field.name], sections, at=_join(at, field.name))
            for field in dataclasses.fields(kind)  # type: ignore[arg-type]  # every settings class is a dataclass
        }
    )


def merged(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """`over` laid over `base`, section by section; anything but a section is replaced whole."""
    return {**base, **{key: _laid_over(base.get(key), value) for key, value in over.items()}}


def _laid_over(below: object, above: object) -> object:
    return merged(below, above) if isinstance(below, Mapping) and isinstance(above, Mapping) else above


def _section(given: object, *, at: str) -> Mapping[str, object]:
    if isinstance(given, Mapping):
        return given
    raise SettingsError(f"{at or 'the settings'}: should be an object of settings, is {_shown(given)}")


def _field(field: "dataclasses.Field[Any]", hint: Any, given: Mapping[str, object], *, at: str) -> object:  # noqa: ANN401
    section = section_of(hint)
    if section:
        absent = field.default is None and given.get(field.name) is None
        return None if absent else read(section, given.get(field.name, {}), at=at)
    rule = _rule(hint)
    if field.name in given:
        return _value(given[field.name], rule, at=at, optional=field.default is None)
    if field.default is dataclasses.MISSING:
        raise SettingsError(f"{at}: is missing; it should be {rule}")
    return field.default


def section_of(hint: Any) -> type[Any] | None:  # noqa: ANN401
    """The dataclass of a field that is one, or that may be one."""
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return next((kind for kind in kinds if isinstance(kind, type) and dataclasses.is_dataclass(kind)), None)


def _rule(hint: Any) -> Rule:  # noqa: ANN401
    if get_origin(hint) is Annotated:
        rule: Rule = get_args(hint)[1]
        return rule
    raise TypeError(f"a setting needs a rule: Annotated[{hint}, rule]")


def _value(value: object, rule: Rule, *, at: str, optional: bool) -> object:
    if value is None and optional:
        return None
    if not rule.accepts(value):
        raise SettingsError(f"{at}: should be {rule}, is {_shown(value)}")
    return tuple(value) if isinstance(value, list) else value


def _known(key: str, names: list[str]) -> str:
    near = get_close_matches(key, names, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _join(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key
