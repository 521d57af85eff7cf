"""Asks MySQL and the simulated Feishu what has become of a run so far."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select

from delivery.domain.outcome import ErrorCode
from delivery.domain.record import Status
from delivery.storage.tables import attempts, outbox, records, rejects
from local.demo.publishing.outbox import tasks
from local.feishu.client import SimulatedFeishu, calls_by_record


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A notification's row in MySQL."""

    record_id: int
    dedupe_key: str
    status: Status
    attempt_count: int
    error_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    status: str
    created_at: datetime
    published_at: datetime | None = None
    last_error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What MySQL and the simulated Feishu know about a run."""

    #: Dedupe key → row.
    rows: Mapping[str, Row] = field(default_factory=dict)
    #: Partition and offset → code.
    rejects: Mapping[tuple[int, int], str] = field(default_factory=dict)
    #: Id → row.
    outbox: Mapping[int, OutboxRow] = field(default_factory=dict)
    #: The ids of the demo's business rows.
    tasks: AbstractSet[int] = frozenset()
    #: Record id → number of attempts that dead senders left open.
    lost_attempts: Mapping[int, int] = field(default_factory=dict)
    #: Record id → number of timed-out attempts. Only Feishu knows whether it accepted them.
    timed_out: Mapping[int, int] = field(default_factory=dict)
    #: Record id → number of Feishu's calls, and how often the user saw the message.
    calls: Mapping[int, int] = field(default_factory=dict)
    accepted: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    engine: Engine
    feishu: SimulatedFeishu
    topic: str
    #: The prefix of the run's dedupe keys.
    run: str
    #: The id of the outbox's last row before the run.
    outbox_before: int = 0

    def look(self) -> Findings:
        """Asks Feishu last, so that it has already seen everything that MySQL says was sent."""
        rows = self._rows()
        outbox_rows = self._outbox()
        found_rejects = self._rejects()
        lost = self._attempts_where(attempts.c.outcome == "lost")
        timed_out = self._attempts_where(attempts.c.error_code == ErrorCode.TIMEOUT)
        calls = self.feishu.calls()
        return Findings(
            rows=rows,
            rejects=found_rejects,
            outbox=outbox_rows,
            tasks=frozenset(row["id"] for row in self._select(select(tasks.c.id))),
            lost_attempts=lost,
            timed_out=timed_out,
            calls=calls_by_record(calls),
            accepted=calls_by_record(calls, accepted=True),
        )

    def record(self, record_id: int) -> Mapping[str, Any]:
        return self._select(select(records).where(records.c.id == record_id))[0]

    def attempts(self, record_id: int) -> Sequence[Mapping[str, Any]]:
        return self._select(select(attempts).where(attempts.c.record_id == record_id).order_by(attempts.c.attempt))

    def calls(self, record_id: int) -> Sequence[Mapping[str, Any]]:
        return [call for call in self.feishu.calls() if call["notification_id"] == record_id]

    def _rows(self) -> Mapping[str, Row]:
        columns = (records.c.id, records.c.dedupe_key, records.c.status, records.c.attempt_count)
        query = select(*columns, records.c.last_error_code).where(self._of_run())
        return {
            row["dedupe_key"]: Row(
                record_id=row["id"],
                dedupe_key=row["dedupe_key"],
                status=Status(row["status"]),
                attempt_count=row["attempt_count"],
                error_code=row["last_error_code"],
            )
            for row in self._select(query)
        }

    def _rejects(self) -> Mapping[tuple[int, int], str]:
        query = select(rejects.c.partition, rejects.c.offset, rejects.c.code).where(rejects.c.topic == self.topic)
        return {(row["partition"], row["offset"]): row["code"] for row in self._select(query)}

    def _outbox(self) -> Mapping[int, OutboxRow]:
        # If ingest was quicker than the relay, only ingest's mark exists.
        there = func.coalesce(outbox.c.published_at, outbox.c.consumed_at).label("published_at")
        columns = (outbox.c.status, outbox.c.created_at, there, outbox.c.last_error)
        rows = self._select(select(outbox.c.id, *columns).where(outbox.c.id > self.outbox_before))
        return {row["id"]: OutboxRow(**{name: value for name, value in row.items() if name != "id"}) for row in rows}

    def _attempts_where(self, condition: Any) -> Mapping[int, int]:  # noqa: ANN401 - a condition of SQLAlchemy's
        query = (
            select(attempts.c.record_id, func.count().label("number"))
            .join(records, records.c.id == attempts.c.record_id)
            .where(self._of_run(), condition)
            .group_by(attempts.c.record_id)
        )
        return {row["record_id"]: row["number"] for row in self._select(query)}

    def _of_run(self) -> Any:  # noqa: ANN401 - a condition of SQLAlchemy's
        return records.c.dedupe_key.startswith(f"{self.run}:", autoescape=True)

    def _select(self, query: Any) -> Sequence[Mapping[str, Any]]:  # noqa: ANN401 - any SELECT
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]
