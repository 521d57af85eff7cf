"""Pruners for tests, and rows of every kind that ended at some time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, insert

from delivery.prune import PrunePolicy, Pruner, PruneReport, Retention
from delivery.storage.mysql.database import to_stored
from delivery.storage.pruning.outbox import OutboxRows
from delivery.storage.pruning.records import FinalRecords
from delivery.storage.pruning.rejects import KeptRejects
from delivery.storage.tables import attempts, outbox, rejects
from tests.integration.clock import Clock
from tests.integration.notifications import add_rows

RECORD_DAYS, REJECT_DAYS, OUTBOX_DAYS = 90, 60, 7
MILLISECOND = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)


def pruner(
    engine: Engine,
    clock: Clock,
    *,
    set_size: int = 1_000,
    wait: Callable[[timedelta], None] = lambda _: None,
    **days: int,
) -> Pruner:
    kept = {"record": RECORD_DAYS, "reject": REJECT_DAYS, "outbox": OUTBOX_DAYS, **days}
    return Pruner(
        retentions=[
            Retention(rows=FinalRecords(engine=engine), days=kept["record"]),
            Retention(rows=KeptRejects(engine=engine), days=kept["reject"]),
            Retention(rows=OutboxRows.consumed(engine), days=kept["outbox"]),
            Retention(rows=OutboxRows.dead(engine), days=kept["reject"]),
        ],
        policy=PrunePolicy(set_size=set_size, pause=timedelta(seconds=0)),
        now=clock,
        wait=wait,
    )


def prune(engine: Engine, clock: Clock, **how: Any) -> PruneReport:
    """A run with an hour's time that nothing kept from its end."""
    report = pruner(engine, clock, **how).run(until=clock() + HOUR)
    if report.failure:
        raise report.failure
    assert report.unfinished == ()
    return report


def add_final(
    engine: Engine, number: int, *, ended: datetime, made: datetime | None = None, tries: int = 0, **columns: Any
) -> list[int]:
    """Records that were sent, with so many attempts each."""
    state = {"status": "sent", "next_retry_at": None, "attempt_count": tries, **columns}
    ids = add_rows(engine, number, now=ended, **{**state, "created_at": made or ended})
    if tries:
        add_attempts(engine, *ids, tries=tries, at=ended)
    return ids


def add_attempts(engine: Engine, *record_ids: int, tries: int, at: datetime) -> None:
    lines = [
        {"record_id": record_id, "attempt": number, "started_at": to_stored(at), "outcome": "temporary"}
        for record_id in record_ids
        for number in range(1, tries + 1)
    ]
    with engine.begin() as connection:
        connection.execute(insert(attempts), lines)


def add_reject(engine: Engine, offset: int, *, came: datetime, replayed: datetime | None = None) -> None:
    columns = {"topic": "t", "partition": 0, "headers": [], "code": "payload_invalid", "reason": "r"}
    times = {"created_at": to_stored(came), "replayed_at": to_stored(replayed) if replayed else None}
    with engine.begin() as connection:
        connection.execute(insert(rejects), {**columns, **times, "offset": offset, "id": offset})


def add_outbox(engine: Engine, number: int, status: str, *, ended: datetime, made: datetime | None = None) -> None:
    columns = {"event_type": "t", "service_name": "s", "topic": "t", "message_key": "7", "payload": {}}
    times = {"created_at": to_stored(made or ended), "updated_at": to_stored(ended)}
    due = {"next_retry_at": to_stored(ended) if status in {"pending", "published"} else None}
    with engine.begin() as connection:
        connection.execute(insert(outbox), {**columns, **times, **due, "status": status, "id": number})


def ids_of(engine: Engine, table: str, *, column: str = "id") -> list[int]:
    with engine.connect() as connection:
        return list(connection.exec_driver_sql(f"SELECT DISTINCT {column} FROM {table} ORDER BY {column}").scalars())


def records_left(engine: Engine) -> list[int]:
    return ids_of(engine, "notification_records")


def with_attempts(engine: Engine) -> list[int]:
    return ids_of(engine, "notification_attempts", column="record_id")
