"""Measures a record's life but for the call of Feishu: recorded, opened and closed, in sets against row by row."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from benchmarks.databases import fresh_database
from benchmarks.notifications import requests
from benchmarks.report.figures import LIFE_VS_ROWS, Measured
from benchmarks.rounds import Turn, stopwatch, take_turns
from benchmarks.steps import Bench
from benchmarks.storing.row_by_row import RowByRow
from benchmarks.storing.statements import MAX_ATTEMPTS
from delivery.domain.intake import Intake, Request
from delivery.domain.outcome import Delivered
from delivery.domain.record import Attempt
from delivery.domain.transition import Closing, Transition
from delivery.storage.attempts import Attempts
from delivery.storage.recording import Recorder

_SET = 500
_ROWS_A_TURN = 50
_ROUNDS = 20
_LEASE = timedelta(minutes=10)
_HANDOFF = timedelta(minutes=5)


def measure(bench: Bench) -> dict[str, Measured]:
    with fresh_database(bench.server, "life") as database:
        ways = {"sets": _in_sets(database.engine), "rows": _row_by_row(database.engine)}
        each = take_turns(ways, rounds=_ROUNDS)
    detail = f"{1 / each['sets']:,.0f}/s against {1 / each['rows']:,.0f}/s"
    return {LIFE_VS_ROWS.name: Measured(value=each["rows"] / each["sets"], detail=detail)}


def live_in_sets(engine: Engine, batch: Sequence[Request], *, now: datetime) -> None:
    intake = Intake(requests=batch, rejects=[])
    stored = Recorder(engine=engine).store(intake, now=now, handoff_at=now + _HANDOFF, max_attempts=MAX_ATTEMPTS)
    attempts = Attempts(engine=engine)
    opened = attempts.open(stored.pointers, now=now, lease=_LEASE)
    attempts.close([_delivered(attempt, now) for attempt in opened])


def live_row_by_row(engine: Engine, batch: Sequence[Request], *, now: datetime) -> None:
    rows = RowByRow(engine=engine)
    for pointer in rows.ingest(batch, now=now, handoff_at=now + _HANDOFF):
        record = rows.open(pointer, now=now, lease=_LEASE)
        rows.close(record, started_at=now, now=now, message_id=_message_id(record.id))


def _in_sets(engine: Engine) -> Turn:
    def turn() -> float:
        batch = requests(_SET)
        with stopwatch() as watch:
            live_in_sets(engine, batch, now=datetime.now(UTC))
        return watch.each_of(_SET)

    return turn


def _row_by_row(engine: Engine) -> Turn:
    def turn() -> float:
        batch = requests(_ROWS_A_TURN)
        with stopwatch() as watch:
            live_row_by_row(engine, batch, now=datetime.now(UTC))
        return watch.each_of(_ROWS_A_TURN)

    return turn


def _delivered(attempt: Attempt, now: datetime) -> Closing:
    outcome = Delivered(provider_message_id=_message_id(attempt.record_id))
    return Closing(attempt=attempt, outcome=outcome, transition=Transition.sent(outcome, at=now), finished_at=now)


def _message_id(record_id: int) -> str:
    return f"feishu_webhook_{record_id}_1"
