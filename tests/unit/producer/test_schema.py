"""docs/event.schema.json is the contract: what it allows is accepted, but for what no schema can say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from delivery.domain.contract import Accepted
from docs.event_schema import FILE, written
from docs.event_tables import PAGE, example_of
from hongyan_producer.contract.models import TOPIC
from tests.unit.domain.test_target_url import PIECES, PREFIX
from tests.unit.samples import envelope, judge, payload

SCHEMA = json.loads(FILE.read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
VALUES = st.none() | st.booleans() | st.integers() | st.sampled_from([2**63, 0.5]) | st.text(max_size=300)
LONG = st.sampled_from(["x" * length for length in (1, 64, 65, 128, 129, 191, 192, 255, 256)])
CHANGES = st.dictionaries(st.sampled_from(sorted(payload())), VALUES | LONG, max_size=2)
AROUND = st.dictionaries(st.sampled_from(sorted(envelope())), VALUES, max_size=1)


def allowed(event: Any) -> bool:
    return bool(VALIDATOR.is_valid(event))


def accepted(event: Any) -> bool:
    return isinstance(judge(json.dumps(event).encode()), Accepted)


def test_the_file_is_as_the_models_say() -> None:
    """`make docs` writes it anew."""
    assert FILE.read_text() == written(), "stale: run `make docs`"


def test_the_file_is_a_json_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_event_to_copy_is_allowed() -> None:
    assert allowed(example_of(PAGE.read_text()))


@given(CHANGES, AROUND)
def test_what_the_schema_allows_ingest_accepts(changes: dict[str, Any], around: dict[str, Any]) -> None:
    """A producer that checks against it gets no reject."""
    event = envelope(**{"payload": payload(**changes), **around})
    assert not allowed(event) or accepted(event)


@given(st.lists(st.sampled_from(PIECES), max_size=8).map(lambda pieces: PREFIX + "".join(pieces)))
def test_a_target_url_that_the_schema_allows_ingest_accepts(url: str) -> None:
    """Its pattern is stricter where ingest decodes a path until nothing changes."""
    event = envelope(payload=payload(target_url=url))
    assert not allowed(event) or accepted(event)


@pytest.mark.parametrize("field", sorted(payload()))
@pytest.mark.parametrize("value", [..., None])
def test_the_schema_and_ingest_agree_on_what_may_be_missing(field: str, value: object) -> None:
    """Null is as good as absent."""
    event = envelope(payload=payload(**{field: value}))
    assert allowed(event) == accepted(event)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target_url", "/assistant/预览?back=%2Fassistant%2F..&dots=../..#../x"),
        ("target_url", "/assistant/%E6%B1%89/a..b/..."),
        ("target_url", "/assistant/"),
        ("requested_at", "2026-01-31T08:00:00.123456789Z"),
        ("requested_at", "2026-01-31t08:00:00-05:00"),
        ("dedupe_key", "字" * 191),
        ("target_id", -(2**63)),
        ("user_id", 2**63 - 1),
        ("unknown", {"of": "a newer producer"}),
    ],
)
def test_the_schema_allows_what_ordinary_producers_write(field: str, value: object) -> None:
    """It would be no use if it were stricter than ingest there."""
    event = envelope(payload=payload(**{field: value}))
    assert allowed(event)
    assert accepted(event)


@pytest.mark.parametrize(
    "changes",
    [
        {"event_type": "calendar.changed"},
        {"event_type": ...},
        {"event_version": "2"},
        {"service_name": "calendar"},
        {"payload": ...},
        {"payload": []},
    ],
)
def test_another_event_is_not_allowed(changes: dict[str, Any]) -> None:
    """Ingest would pass it over or reject it."""
    assert not allowed(envelope(**changes))


def test_the_topic_is_the_go_service_s() -> None:
    """A stage reads it unless its setting says otherwise, and so producers keep writing to it."""
    assert TOPIC == "smartflow.notification.outbox"
