"""Every wrong value of every key is refused in one line that names the key and says what it should be."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic.fields import FieldInfo

from cdk.settings.complaints import should_be
from cdk.settings.page import settings as every_setting
from tests.unit.cdk.stages import CLUSTER, LEAST, NEW, PLACES, RDS, SECRET, TOPIC, VPC, lines, over, settings

#: a value of each type that JSON has, and what a setting says of itself that may be of that type
VALUES: Mapping[str, tuple[Any, tuple[str, ...]]] = {
    "switch": (True, ("true",)),
    "whole": (77_777_777_777, ("a whole number", "a number", "one of 1, 3")),
    "number": (0.05, ("a number",)),
    "text": ("\n", ()),
    "list": ([[]], ()),
    "object": ({"a": 1}, ()),
}
CERTIFICATE = "arn:aws:acm:eu-west-1:111111111111:certificate/0a1b2c3d"
API: Mapping[str, Any] = {**LEAST, "api": {"tokens": {"issuer": "https://id.example.com", "audience": ["a"]}}}
#: a valid stage with the kind of network, MySQL, Kafka or alarms that the key goes with
BY_BEGINNING: Mapping[str, Mapping[str, Any]] = {
    "network.vpc_id": {**LEAST, "network": VPC},
    "network.s": {**LEAST, "network": PLACES},
    "network.inside": {**LEAST, "network": PLACES},
    "network.data_": {**LEAST, "network": PLACES},
    "network.": NEW,
    "database.new": NEW,
    "database.iam": {**LEAST, "network": VPC, "database": RDS},
    "kafka.new": NEW,
    "kafka.vpc": {**LEAST, "kafka": {"cluster_arn": CLUSTER}},
    "kafka.cluster_arn": {**LEAST, "kafka": {"cluster_arn": CLUSTER}},
    "api.tokens.user_pool": {**API, "api": {"tokens": {"user_pool_id": "eu-west-1_a", "client_ids": ["a"]}}},
    "api.tokens.client": {**API, "api": {"tokens": {"user_pool_id": "eu-west-1_a", "client_ids": ["a"]}}},
    "api.tokens.new": LEAST,
    "api.tokens.hs256": LEAST,
    "api.tokens.token_": {**API, "api": {"tokens": {"hs256_secret_arn": SECRET}}},
    "api.domain": over(API, {"api": {"domain": {"name": "a.example.com", "certificate_arn": CERTIFICATE}}}),
    "api": API,
    "alarms.email": LEAST,
    "alarms": {**LEAST, "alarms": {"topic_arn": TOPIC}},
    "": LEAST,
}
#: whose kind says something else of it than the table's first
OF_ANOTHER_KIND = {"database.name": NEW}
SETTINGS = [pytest.param(path, field, id=path) for path, field in every_setting().items()]
SECTIONS = sorted({path.rpartition(".")[0] for path in every_setting()} - {""})


def with_value(path: str, value: Any) -> Mapping[str, Any]:
    """A stage that is valid but for this."""
    stages = {**OF_ANOTHER_KIND, **BY_BEGINNING}
    stage = next(stage for beginning, stage in stages.items() if path.startswith(beginning))
    changes: Any = value
    for key in reversed(path.split(".")):
        changes = {key: changes}
    return over(stage, changes)


@pytest.mark.parametrize(("path", "field"), SETTINGS)
def test_a_value_that_nobody_means_is_one_line_that_names_the_key(path: str, field: FieldInfo) -> None:
    """Of another type, a line break, a number beyond all bounds, a list of lists."""
    wanted = should_be(field)
    for value, fits in VALUES.values():
        if value == 77_777_777_777 or not wanted.startswith(fits):
            [line] = lines(with_value(path, value))
            assert line.startswith(f"{path}: should be {wanted}, ")
            assert line.endswith(f"is {json.dumps(value)}") or wanted.startswith("a list")


@pytest.mark.parametrize(("path", "field"), SETTINGS)
def test_a_range_ends_where_it_says(path: str, field: FieldInfo) -> None:
    """The neighbours of its ends are not in it, nor is what is not a number."""
    step = 0.001 if field.annotation is float else 1
    beyond = [it.ge - step for it in field.metadata if hasattr(it, "ge")]
    beyond += [it.le + step for it in field.metadata if hasattr(it, "le")]
    for value in [*beyond, *([float("nan")] if beyond else [])]:
        [line] = lines(with_value(path, value))
        assert line.startswith(f"{path}: should be {should_be(field)}, is ")


@pytest.mark.parametrize("section", ["", *SECTIONS])
def test_an_unknown_key_is_named_with_the_section_that_it_stands_in(section: str) -> None:
    """A misspelt setting would otherwise be its default, silently."""
    path = f"{section}.no_such_key".removeprefix(".")
    [line] = lines(with_value(path, 1))
    assert line.startswith(f"{path}: no such setting; ")


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_that_is_no_object_is_named(section: str) -> None:
    """As somebody writes it who takes the section for a switch or a list."""
    for wrong in (True, ["on"], "on"):
        [line] = lines(with_value(section, wrong))
        assert line.startswith(f"{section}: should be an object ")


def test_the_stages_that_settings_are_tried_in_are_valid() -> None:
    """Else a complaint could be about something else."""
    for stage in BY_BEGINNING.values():
        assert settings(stage).name == "dev"
