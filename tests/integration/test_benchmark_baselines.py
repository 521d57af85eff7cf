"""What is measured against does the same work: the baselines leave what our sets leave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine

from benchmarks.notifications import requests
from benchmarks.relaying import relaying
from benchmarks.relaying.row_by_row import RowByRow as RelayRowByRow
from benchmarks.storing import raw_driver
from benchmarks.storing.living import live_in_sets, live_row_by_row
from benchmarks.storing.row_by_row import RowByRow
from delivery.domain.intake import Intake
from delivery.domain.record import Pointer
from delivery.domain.relaying import Accepted, Delivery, Message
from delivery.storage.claims import DueRecords
from delivery.storage.recording import Recorder
from tests.integration.clock import Clock
from tests.integration.relay.outbox_rows import add as add_to_outbox

_NUMBER = 20
_LEASE = timedelta(minutes=10)


def test_the_baselines_record_what_a_set_records(engine: Engine, clock: Clock) -> None:
    """Set, bare driver and row by row leave equal rows, and answer a pointer for each of them."""
    batch, handoff_at = requests(_NUMBER), clock() + _LEASE
    left: list[list[tuple[Any, ...]]] = []
    with engine.connect() as held:
        driver = held.connection.driver_connection
        rows = RowByRow(engine=engine)
        ways: tuple[Callable[[], Sequence[Pointer]], ...] = (
            lambda: _stored(engine, batch, clock),
            lambda: raw_driver.ingest(driver, batch, now=clock(), handoff_at=handoff_at),
            lambda: rows.ingest(batch, now=clock(), handoff_at=handoff_at),
        )
        for way in ways:
            pointers = way()
            left.append(_taken_out(engine))
            assert len(set(pointers)) == _NUMBER
    assert len(left[0]) == _NUMBER
    assert left[0] == left[1] == left[2]


def test_both_ways_claim_the_same(engine: Engine, clock: Clock) -> None:
    """The oldest due rows are leased until the same time, and their pointers answered in the same order."""
    batch = requests(_NUMBER)
    _stored(engine, batch, clock)
    clock.move(hours=1)
    claimed = DueRecords(engine=engine).lease_due(limit=_NUMBER - 5, now=clock(), lease=_LEASE)
    in_a_set, first_ids = _taken_out(engine), [pointer.record_id for pointer in claimed.pointers]
    clock.move(hours=-1)
    _stored(engine, batch, clock)
    clock.move(hours=1)
    pointers = RowByRow(engine=engine).claim(limit=_NUMBER - 5, now=clock(), lease=_LEASE)
    assert [pointer.record_id - pointers[0].record_id for pointer in pointers] == [n - first_ids[0] for n in first_ids]
    assert _taken_out(engine) == in_a_set


def test_both_ways_live_the_same_life(engine: Engine, clock: Clock) -> None:
    """Rows and attempt history are equal, but for what only a call of Feishu could fill."""
    batch = requests(_NUMBER)
    live_in_sets(engine, batch, now=clock())
    in_sets, history = _taken_out(engine), _history_taken_out(engine)
    live_row_by_row(engine, batch, now=clock())
    assert {row[-1] for row in in_sets} == {"sent"}
    assert _taken_out(engine) == in_sets
    assert _history_taken_out(engine) == history


class WillingKafka:
    """Takes everything at once."""

    def __init__(self) -> None:
        self._sent: list[int] = []

    def prepare(self) -> None:
        pass

    def send(self, message: Message) -> None:
        self._sent.append(message.row_id)

    def answers(self, *, within: float) -> Sequence[tuple[int, Delivery]]:
        sent, self._sent = self._sent, []
        return [(row_id, Accepted()) for row_id in sent]

    def abandon(self) -> None:
        pass


def test_both_ways_relay_the_same(engine: Engine, clock: Clock) -> None:
    """Each row is published, at the same time, and no other is touched."""
    keys = [str(number) for number in range(_NUMBER)]
    left = []
    for way in (relaying.relay_a_set, _relayed_row_by_row):
        add_to_outbox(engine, clock(), keys)
        add_to_outbox(engine, clock(), ["later"], next_retry_at=clock() + _LEASE)
        assert way(engine, WillingKafka(), clock, _NUMBER) == _NUMBER
        with engine.begin() as connection:
            rows = connection.exec_driver_sql("SELECT * FROM notification_outbox_messages ORDER BY id").all()
            connection.exec_driver_sql("DELETE FROM notification_outbox_messages")
        left.append(rows)
    assert {row.status for row in left[0]} == {"published", "pending"}
    assert left[0] == left[1]


def _relayed_row_by_row(engine: Engine, kafka: WillingKafka, clock: Clock, number: int) -> int:
    relay = RelayRowByRow(engine=engine, kafka=kafka)
    return sum(relay.relay_one(now=clock()) for _ in range(number))


def _stored(engine: Engine, batch: Sequence[Any], clock: Clock) -> Sequence[Pointer]:
    intake = Intake(requests=batch, rejects=[])
    stored = Recorder(engine=engine).store(intake, now=clock(), handoff_at=clock() + _LEASE, max_attempts=5)
    return stored.pointers


def _taken_out(engine: Engine) -> list[tuple[Any, ...]]:
    """All records but for their ids, which are gone from the table afterwards."""
    with engine.begin() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM notification_records ORDER BY dedupe_key").mappings().all()
        connection.exec_driver_sql("DELETE FROM notification_records")
    kept = [name for name in (rows[0] if rows else {}) if name not in ("id", "provider_message_id", "status")]
    return [tuple(row[name] for name in [*kept, "status"]) for row in rows]


def _history_taken_out(engine: Engine) -> list[tuple[Any, ...]]:
    """All attempts but for their record's id."""
    with engine.begin() as connection:
        found = connection.exec_driver_sql("SELECT * FROM notification_attempts ORDER BY record_id").all()
        connection.exec_driver_sql("DELETE FROM notification_attempts")
    return [tuple(row)[1:] for row in found]
