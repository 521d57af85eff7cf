"""Makes small runs: what was published and what was found, in order unless a test changes it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

from delivery.domain.contract import RejectCode
from delivery.domain.record import Status
from local.demo.observer import OutboxRow, Row
from local.demo.publishing.event_kinds import (
    DEAD_ROW,
    OF_RECORDS,
    PASSED_OVER,
    Event,
    Expectation,
    Kind,
    Published,
    Written,
)

NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
_offsets = count(100)


def of_record(key: str, kind: Kind = Kind.GOOD, *, offset: int | None = None) -> Published:
    """An event that asks for the notification `key`."""
    return _published(Event(kind=kind, expected=OF_RECORDS[kind], key=b"7", value=b"{}", dedupe_key=key), offset)


def malformed(code: RejectCode = RejectCode.PAYLOAD_INVALID, *, offset: int | None = None) -> Published:
    return _published(Event(kind=Kind.MALFORMED, expected=Expectation(reject=code), key=b"7", value=b"{}"), offset)


def foreign(key: str = "foreign", *, offset: int | None = None) -> Published:
    return _published(Event(kind=Kind.FOREIGN, expected=PASSED_OVER, key=b"7", value=b"{}", dedupe_key=key), offset)


def committed(key: str, *, outbox_id: int) -> Written:
    return _written(Event(kind=Kind.COMMITTED, expected=OF_RECORDS[Kind.COMMITTED], key=b"7", value=b"{}",
                          dedupe_key=key), outbox_id)  # fmt: skip


def rolled_back(key: str = "rolled-back", *, outbox_id: int) -> Written:
    return _written(Event(kind=Kind.ROLLED_BACK, expected=OF_RECORDS[Kind.ROLLED_BACK], key=b"7", value=b"{}",
                          dedupe_key=key), outbox_id)  # fmt: skip


def unreadable(*, outbox_id: int) -> Written:
    return _written(Event(kind=Kind.UNREADABLE, expected=DEAD_ROW, key=b"7", value=None), outbox_id)


def outbox_row(status: str, *, error: str | None = None, published_after: float | None = None) -> OutboxRow:
    published_at = None if published_after is None else NOW + timedelta(seconds=published_after)
    return OutboxRow(status=status, created_at=NOW, published_at=published_at, last_error=error)


def row(
    key: str, status: Status = Status.SENT, *, record_id: int = 1, attempts: int = 1, code: str | None = None
) -> Row:
    return Row(record_id=record_id, dedupe_key=key, status=status, attempt_count=attempts, error_code=code)


def rows(*given: Row) -> dict[str, Row]:
    return {one.dedupe_key: one for one in given}


def positions(published: Sequence[Published], code: RejectCode) -> dict[tuple[int, int], str]:
    return {one.position: code for one in published}


def _published(event: Event, offset: int | None) -> Published:
    return Published(event=event, partition=0, offset=next(_offsets) if offset is None else offset, acknowledged_at=NOW)


def _written(event: Event, outbox_id: int) -> Written:
    """Its task has the same number."""
    return Written(event=event, task_id=outbox_id, outbox_id=outbox_id, ended_at=NOW)
