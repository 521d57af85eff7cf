"""Every wrong value of every key is refused in one line that names the key and says what it should be."""

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic.fields import FieldInfo

from cdk.settings.page import settings as every_setting
from delivery.aws.variables import should_be
from tests.unit.cdk.stages import CLUSTER, LEAST, NEW, RDS, TOPIC, VPC, lines, over, settings

#: a value of each type that JSON has; none of them is what anybody means
VALUES: Mapping[str, Any] = {
    "null": None,
    "switch": True,
    "whole": 77_777_777_777,
    "number": 0.05,
    "text": "\n",
    "list": [[]],
    "object": {"a": 1},
}
TYPES: Mapping[Any, set[str]] = {
    bool: {"switch"},
    int: {"whole"},
    float: {"whole", "number"},
    str: {"text"},
    tuple: {"list"},
}
#: a valid stage with the kind of network, MySQL, Kafka or alarms that the key goes with
BY_BEGINNING: Mapping[str, Mapping[str, Any]] = {
    "network.vpc_id": {**LEAST, "network": VPC},
    "network.subnet_ids": {**LEAST, "network": VPC},
    "network.security_group_ids": {**LEAST, "network": VPC},
    "network.": NEW,
    "database.new": NEW,
    "database.iam": {**LEAST, "database": RDS},
    "kafka.new": NEW,
    "kafka.cluster_arn": {**LEAST, "kafka": {"cluster_arn": CLUSTER}},
    "alarms.topic_arn": {**LEAST, "alarms": {"topic_arn": TOPIC}},
    "": LEAST,
}
#: without them another kind is chosen
CHOOSES = (
    "network.new",
    "network.vpc_id",
    "database.iam_resource_id",
    "kafka.cluster_arn",
    "alarms.topic_arn",
    "alarms.email",
)
SETTINGS = [pytest.param(path, field, id=path) for path, field, _ in every_setting()]
SECTIONS = sorted({path.rpartition(".")[0] for path, *_ in every_setting()})


def with_value(path: str, value: Any) -> Mapping[str, Any]:
    """A stage that is valid but for this."""
    stage = next(stage for beginning, stage in BY_BEGINNING.items() if path.startswith(beginning))
    changes: Any = value
    for key in reversed(path.split(".")):
        changes = {key: changes}
    return over(stage, changes)


def types(path: str, field: FieldInfo) -> set[str]:
    """Of which a value may be; null stands for leaving it out."""
    kind: Any = field.annotation
    allowed = {"null"} if field.default is None or path in CHOOSES else set[str]()
    if path == "network.new":
        return {"null", "switch"}
    if get_origin(kind) is Literal:
        return allowed | TYPES[type(get_args(kind)[0])]
    inner = [get_args(it)[0] if get_origin(it) is not tuple and get_args(it) else it for it in get_args(kind)]
    return allowed | TYPES[tuple if get_origin(kind) is tuple else inner[0] if inner else kind]


@pytest.mark.parametrize(("path", "field"), SETTINGS)
def test_a_value_of_another_type_is_one_line_that_names_the_key(path: str, field: FieldInfo) -> None:
    for name in VALUES.keys() - types(path, field):
        [line] = lines(with_value(path, VALUES[name]))
        assert line.startswith(f"{path}: should be {should_be(field)}, is ")


@pytest.mark.parametrize(("path", "field"), SETTINGS)
def test_a_value_of_the_right_type_that_nobody_means_is_refused_too(path: str, field: FieldInfo) -> None:
    """A line break, a number beyond all bounds, a list of lists."""
    for name in types(path, field) - {"switch", "number", "null"}:
        [line] = lines(with_value(path, VALUES[name]))
        assert line.startswith(f"{path}: should be {should_be(field)}, ")


@pytest.mark.parametrize(("path", "field"), SETTINGS)
def test_a_range_ends_where_it_says(path: str, field: FieldInfo) -> None:
    """The neighbours of its ends are not in it, nor is what is not a number."""
    kinds = [field, *map(FieldInfo.from_annotation, get_args(field.annotation))]
    bounds: list[Any] = [bound for kind in kinds for bound in kind.metadata]
    step = 0.001 if field.annotation is float else 1
    beyond = [it.ge - step for it in bounds if hasattr(it, "ge")]
    beyond += [it.le + step for it in bounds if hasattr(it, "le")]
    for value in [*beyond, *([float("nan")] if beyond else [])]:
        [line] = lines(with_value(path, value))
        assert line.startswith(f"{path}: should be {should_be(field)}, is ")


@pytest.mark.parametrize("section", SECTIONS)
def test_an_unknown_key_is_named_with_the_section_that_it_stands_in(section: str) -> None:
    """A misspelt setting would otherwise be its default, silently."""
    path = f"{section}.no_such_key".removeprefix(".")
    [line] = lines(with_value(path, 1))
    assert line.startswith(f"{path}: no such setting; ")


@pytest.mark.parametrize("section", [section for section in SECTIONS if section])
def test_a_section_that_is_no_object_is_named(section: str) -> None:
    """As somebody writes it who takes the section for a switch or a list."""
    for wrong in (True, ["on"], "on"):
        [line] = lines(with_value(section, wrong))
        assert line.startswith(f"{section}: should be an object of settings, is ")


def test_the_stages_that_settings_are_tried_in_are_valid() -> None:
    """Else a complaint could be about something else."""
    for stage in BY_BEGINNING.values():
        assert settings(stage).name == "dev"
