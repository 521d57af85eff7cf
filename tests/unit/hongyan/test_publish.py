"""What is told of an event that was published."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from delivery.domain.record import Status
from hongyan.commands.publish import event_key, example_event
from hongyan.door.api import Api
from hongyan.door.passes import GivenToken
from hongyan.kafka import Position
from hongyan.trace import Fate, Trace, dedupe_key_of
from tests.unit.hongyan.conftest import Run
from tests.unit.hongyan.served_api import OPERATOR, Kept, record, reject

POSITION = Position(topic="outbox", partition=0, offset=3, timestamp=1, key="7")


@pytest.fixture
def trace(url: str) -> Trace:
    api = Api(url=url, setting="--url", let_in_by=GivenToken(token=OPERATOR, setting="--token"))
    ticks = iter(range(1_000))
    return Trace(api=api, dedupe_key="key-1", sleep=lambda _: None, clock=lambda: next(ticks) * 10)


def follow(trace: Trace, known: Mapping[str, object] | None, is_taken: Callable[[], bool]) -> tuple[Fate, str]:
    found = trace.follow(POSITION, known=known, is_taken=is_taken)
    return found.outcome, found.words()


def test_a_new_event_is_recorded(trace: Trace, kept: Kept) -> None:
    kept.records = [record(1)]
    assert follow(trace, None, lambda: False) == (Fate.RECORDED, "recorded as 1; see: hongyan record 1")


def test_an_event_that_is_known_is_repeated_once_it_was_taken(trace: Trace, kept: Kept) -> None:
    kept.records = [record(1, status=Status.SENT)]
    words = "repeated: record 1 has this dedupe key and is sent; see: hongyan record 1"
    assert follow(trace, trace.record(), lambda: True) == (Fate.REPEATED, words)
    assert follow(trace, trace.record(), lambda: False)[0] is Fate.NOT_TAKEN


def test_a_reject_is_found_by_its_place_in_kafka(trace: Trace, kept: Kept) -> None:
    """Not one with the same offset from before the topic was made anew."""
    kept.rejects = [reject(3, timestamp=2), reject(4)]
    assert follow(trace, None, lambda: False)[0] is Fate.NOT_TAKEN
    kept.rejects = [reject(3)]
    words = "rejected as envelope_invalid: event_type: should be a string; see: hongyan reject 3"
    assert follow(trace, None, lambda: False) == (Fate.REJECTED, words)


def test_an_event_of_which_nothing_is_left_was_passed_over(trace: Trace) -> None:
    assert follow(trace, None, lambda: True)[0] is Fate.PASSED_OVER


def test_the_example_is_an_event_of_its_own_each_time() -> None:
    first, second = (json.loads(example_event(7, "早上好")) for _ in range(2))
    assert first["payload"]["user_id"] == 7
    assert first["payload"]["dedupe_key"] != second["payload"]["dedupe_key"]


@pytest.mark.parametrize(
    ("event", "key", "dedupe_key"),
    [
        (b'{"payload": {"user_id": 8, "dedupe_key": " a "}}', "8", "a"),
        (b'{"payload": []}', "0", None),
        (b"\xff", "0", None),
        (b"[" * 100_000, "0", None),
        (b'{"payload": {"dedupe_key": " "}}', "0", None),
    ],
)
def test_any_bytes_have_a_key(event: bytes, key: str, dedupe_key: str | None) -> None:
    assert (event_key(event, None), event_key(event, 9), dedupe_key_of(event)) == (key, "9", dedupe_key)


@pytest.mark.usefixtures("at_stage")
def test_what_is_missing_is_named(hongyan: Run, clean: Path) -> None:
    assert hongyan("publish").err.startswith("hongyan: --bootstrap-servers: should be given")
    assert hongyan("publish", "--file", "none.json").err == "hongyan: --file none.json: No such file or directory\n"
    said = hongyan("publish", "--bootstrap-servers", "x:1", "--kafka-config", "nonsense")
    assert said.err.startswith("hongyan: --kafka-config: should be KEY=VALUE")
    said = hongyan("publish", "--bootstrap-servers", "x:1", "--kafka-config", "no.such=1", "--no-wait")
    assert (said.code, said.err) == (1, 'hongyan: --kafka-config: No such configuration property: "no.such"\n')
