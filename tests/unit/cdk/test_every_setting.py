"""Every key there is, tried with what it may not be: the answer is one line that begins with the key's whole path."""

import dataclasses
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import pytest

from cdk.settings.complaints import SettingsError
from cdk.settings.rules import ListOf, Number, OneOf, Rule, Switch, Text, Whole
from cdk.settings.stage import StageSettings
from tests.unit.cdk.test_stage_settings import settings

#: a value of each kind that JSON knows; a float that is no whole number, a string that is no name of anything
KINDS: dict[str, Any] = {
    "null": None,
    "switch": True,
    "whole": 77_777_777_777,
    "number": 0.05,
    "text": "\n",
    "list": [[]],
    "object": {"a": 1},
}
#: what a rule may accept of these at all
OF_KIND: dict[type[Any], set[str]] = {
    Switch: {"switch"}, Whole: {"whole"}, Number: {"whole", "number"}, Text: {"text"}, ListOf: {"list"},
    OneOf: {"text", "whole"},
}  # fmt: skip


def keys(section: type[Any] = StageSettings, at: str = "") -> Iterator[tuple[str, Rule, set[str]]]:
    """Each key's path, its rule, and the kinds of which it may be; null stands for leaving it out."""
    hints = get_type_hints(section, include_extras=True)
    for field in dataclasses.fields(section):
        path = f"{at}{field.name}"
        if inner := section_of(hints[field.name]):
            yield from keys(inner, f"{path}.")
        elif path != "name":  # cdk.json names a stage by its key
            rule = get_args(hints[field.name])[1]
            yield path, rule, OF_KIND[type(rule)] | ({"null"} if field.default is None else set())


def sections(section: type[Any] = StageSettings, at: str = "") -> Iterator[str]:
    yield at
    hints = get_type_hints(section)
    for field in dataclasses.fields(section):
        if inner := section_of(hints[field.name]):
            yield from sections(inner, f"{at}{field.name}.")


def with_value(path: str, value: Any) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {first: with_value(rest, value) if rest else value}


def complaint(path: str, value: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        settings(with_value(path, value))
    return str(caught.value)


KEYS = [pytest.param(*key, id=key[0]) for key in keys()]
RANGES = [pytest.param(path, rule, id=path) for path, rule, _ in keys() if isinstance(rule, Whole | Number)]


@pytest.mark.parametrize(("path", "rule", "kinds"), KEYS)
def test_a_value_of_another_kind_is_one_line_that_names_the_key(path: str, rule: Rule, kinds: set[str]) -> None:
    """And says what it should be."""
    for kind in set(KINDS) - kinds:
        line = complaint(path, KINDS[kind])
        assert line.startswith(f"cdk.json, stage dev: {path}: should be {rule}, is ")
        assert len(line.splitlines()) == 1


@pytest.mark.parametrize(("path", "rule", "kinds"), KEYS)
def test_a_value_of_the_right_kind_that_nobody_means_is_refused_too(path: str, rule: Rule, kinds: set[str]) -> None:
    """A line break, a number beyond all bounds, a list of lists."""
    for kind in kinds - {"switch", "number", "null"}:
        assert complaint(path, KINDS[kind]).startswith(f"cdk.json, stage dev: {path}: should be {rule}, is ")


@pytest.mark.parametrize(("path", "rule"), RANGES)
def test_a_range_ends_where_it_says(path: str, rule: Whole | Number) -> None:
    """Its ends are in it and their neighbours are not; what is not a number is outside of all."""
    step = 1 if isinstance(rule, Whole) else rule.least / 1000 or 1e-6
    for beyond in (rule.least - step, rule.most + step, float("nan")):
        assert complaint(path, beyond).startswith(f"cdk.json, stage dev: {path}: should be {rule}, is ")
    for end in (rule.least, rule.most):
        assert rule.accepts(end)


@pytest.mark.parametrize("at", list(sections()))
def test_an_unknown_key_is_named_with_the_section_that_it_stands_in(at: str) -> None:
    """In every section: a misspelt setting would otherwise be its default, silently."""
    line = complaint(f"{at}no_such_key", 1)
    assert line.startswith(f"cdk.json, stage dev: {at}no_such_key: no such setting; ")
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize("at", [at for at in sections() if at])
def test_a_section_that_is_no_object_is_named(at: str) -> None:
    """As somebody writes it who takes the section for a switch or a list."""
    for wrong in [True, ["on"], "on"]:
        assert complaint(at.removesuffix("."), wrong).startswith(
            f"cdk.json, stage dev: {at.removesuffix('.')}: should be an object of settings, is "
        )
