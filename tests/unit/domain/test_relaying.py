"""The relay's decisions: what is produced for an outbox row, and what Kafka's answer means for it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.domain.contract import Accepted as GoodEvent
from delivery.domain.lanes import Lanes
from delivery.domain.relaying import (
    Accepted,
    Delivery,
    Fate,
    Mark,
    Message,
    OutboxRow,
    Pauses,
    Refused,
    Unavailable,
    Unreadable,
    after_delivery,
    message_of,
    unreadable,
)
from tests.unit.samples import NOW, envelope, judge, payload

PAUSES = Pauses(kafka_away=timedelta(seconds=5), topic_missing=timedelta(seconds=30))
WRITTEN = {name: value for name, value in envelope().items() if name not in ("outbox_id", "service_name")}


def outbox_row(**changes: Any) -> OutboxRow:
    fields: dict[str, Any] = {
        "id": 3,
        "topic": "t",
        "message_key": "7",
        "event_type": "notification.feishu.requested",
        "service_name": "notification",
        "payload": json.dumps(WRITTEN),
        "retry_count": 0,
        "max_retry": 20,
    }
    return OutboxRow(**{**fields, **changes})


def value_of(row: OutboxRow) -> dict[str, Any]:
    message = message_of(row)
    assert isinstance(message, Message)
    document: dict[str, Any] = json.loads(message.value)
    return document


def test_the_value_is_the_envelope_with_the_row_s_id() -> None:
    """By which ingest finds the row again."""
    message = message_of(outbox_row())
    assert isinstance(message, Message)
    assert (message.row_id, message.topic, message.key) == (3, "t", b"7")
    assert json.loads(message.value) == envelope()
    verdict = judge(message.value)
    assert isinstance(verdict, GoodEvent)
    assert verdict.outbox_id == 3


@pytest.mark.parametrize(
    ("name", "written", "row", "read"),
    [
        ("event_id", "", {}, "3"),
        ("event_id", None, {}, "3"),
        ("event_type", "", {}, "notification.feishu.requested"),
        ("event_type", "other.happened", {}, "other.happened"),
        ("event_version", None, {}, ""),
        ("aggregate_id", None, {}, ""),
        ("service_name", "written", {"service_name": ""}, "notification"),
        ("service_name", "", {"service_name": "billing"}, "billing"),
    ],
)
def test_what_the_producer_left_out_is_filled_in(name: str, written: object, row: dict[str, Any], read: str) -> None:
    """As the Go service's relay did; whose the event is, is the row's own column."""
    assert value_of(outbox_row(payload=json.dumps({**WRITTEN, name: written}), **row))[name] == read


def test_a_row_without_a_key_goes_to_any_partition() -> None:
    """An empty key would put all of them into one."""
    message = message_of(outbox_row(message_key=""))
    assert isinstance(message, Message)
    assert message.key is None


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ('"{\\"event_id\\": \\"1\\"}"', "payload is JSON inside a JSON string: it was encoded twice"),
        ("[1]", "payload is not a JSON object but an array"),
        ("null", "payload is not a JSON object but null"),
        ("{}", "payload: is missing"),
        ('{"payload": "secret"}', "payload: should be a JSON object"),
        ('{"payload": {}, "event_id": 7}', "event_id: should be a string"),
    ],
)
def test_a_payload_that_is_no_event_is_unreadable(written: str, reason: str) -> None:
    """The reason says nothing of what stands there."""
    assert message_of(outbox_row(payload=written)) == Unreadable(reason=reason)


@given(st.text(), st.integers(min_value=1, max_value=2**63 - 1))
def test_what_users_wrote_arrives_as_it_was(words: str, row_id: int) -> None:
    """In any language; a lone surrogate cannot be in MySQL's JSON, which is UTF-8."""
    words = words.encode("utf-8", "ignore").decode()
    written = json.dumps({**WRITTEN, "payload": payload(summary_text=words)}, ensure_ascii=False)
    value = value_of(outbox_row(id=row_id, payload=written))
    assert (value["outbox_id"], value["payload"]["summary_text"]) == (row_id, words)


def test_an_unreadable_row_is_dead_after_as_many_refusals_as_it_had() -> None:
    """Kafka never saw it, so none is added."""
    mark = unreadable(outbox_row(retry_count=4), "payload: is missing")
    assert mark == Mark(row_id=3, fate=Fate.DEAD, retry_count=4, error="payload: is missing")


def test_a_message_has_no_byte_that_json_does_not_need() -> None:
    """Escaped Chinese would be twice as long, and a broker refuses what is too long for its topic."""
    message = message_of(
        outbox_row(payload='{"event_id": "e", "payload": {"summary_text": "改到周四", "target_id": 1}}')
    )
    assert isinstance(message, Message)
    assert message.value.decode() == (
        '{"outbox_id":3,"event_id":"e","event_type":"notification.feishu.requested","event_version":"",'
        '"service_name":"notification","aggregate_id":"","payload":{"summary_text":"改到周四","target_id":1}}'
    )


def test_what_kafka_has_is_published() -> None:
    mark = after_delivery(outbox_row(retry_count=2), Accepted(), PAUSES, NOW)
    assert mark == Mark(row_id=3, fate=Fate.PUBLISHED, retry_count=2)
    assert mark.status == "published"


@pytest.mark.parametrize(("retries", "seconds"), [(0, 1), (1, 4), (5, 36), (9, 100), (10, 100), (18, 100)])
def test_what_kafka_refuses_comes_back_later_each_time(retries: int, seconds: int) -> None:
    """After the square of its refusals in seconds, at most 100."""
    mark = after_delivery(outbox_row(retry_count=retries), Refused(words="too large"), PAUSES, NOW)
    assert (mark.fate, mark.status, mark.retry_count) == (Fate.REFUSED, "pending", retries + 1)
    assert (mark.due_at, mark.error) == (NOW + timedelta(seconds=seconds), "too large")


@pytest.mark.parametrize("max_retry", [1, 20])
def test_the_last_refusal_is_its_end(max_retry: int) -> None:
    """It has been refused max_retry times then, and says why."""
    row = outbox_row(retry_count=max_retry - 1, max_retry=max_retry)
    mark = after_delivery(row, Refused(words="too large"), PAUSES, NOW)
    assert (mark.status, mark.retry_count, mark.due_at, mark.error) == ("dead", max_retry, None, "too large")


@pytest.mark.parametrize(
    ("unavailable", "seconds"), [(Unavailable(words="away"), 5), (Unavailable(words="away", no_topic=True), 30)]
)
def test_trouble_of_ours_uses_up_no_retry(unavailable: Unavailable, seconds: int) -> None:
    """Even the last one is still there afterwards."""
    row = outbox_row(retry_count=19)
    mark = after_delivery(row, unavailable, PAUSES, NOW)
    assert (mark.fate, mark.status, mark.retry_count) == (Fate.DELAYED, "pending", 19)
    assert (mark.due_at, mark.error) == (NOW + timedelta(seconds=seconds), "away")


DELIVERIES = st.one_of(
    st.just(Accepted()), st.builds(Refused, words=st.text()), st.builds(Unavailable, words=st.text())
)


@given(DELIVERIES, st.integers(0, 40), st.integers(-1, 40))
def test_a_row_is_either_due_again_or_final(delivery: Delivery, retries: int, max_retry: int) -> None:
    """Whatever a producer wrote into max_retry, no row waits for ever and none is tried beyond it."""
    mark = after_delivery(outbox_row(retry_count=retries, max_retry=max_retry), delivery, PAUSES, NOW)
    assert (mark.due_at is None) == (mark.status != "pending")
    assert mark.due_at is None or NOW < mark.due_at <= NOW + timedelta(seconds=100)
    assert not isinstance(delivery, Refused) or mark.status == "dead" or mark.retry_count < max_retry


def test_a_key_s_rows_stand_in_one_lane_in_the_order_of_their_ids() -> None:
    """Another topic's key is another one, and rows without a key do not wait for each other."""
    row = outbox_row()
    rows = [replace(row, id=number) for number in (5, 1, 3)]
    other = [replace(row, id=2, topic="u"), replace(row, id=4, message_key=""), replace(row, id=6, message_key="")]
    lanes = Lanes([*rows, *other])
    assert sorted(one.id for one in lanes.heads()) == [1, 2, 4, 6]
    second = lanes.next_after(rows[1])
    assert second is not None
    assert second.id == 3
    assert [one.id for one in lanes.behind(second)] == [5]
    assert lanes.next_after(second) is None
    assert lanes.next_after(other[1]) is None
