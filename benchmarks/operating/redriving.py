"""Measures a redrive of 100,000 dead records, which an operator asks for in one request after the other."""

from datetime import UTC, datetime, timedelta

from benchmarks.databases import fresh_database
from benchmarks.report.figures import REDRIVE_SECONDS, Measured
from benchmarks.rounds import stopwatch
from benchmarks.steps import Bench
from benchmarks.storing.filling import end_most, fill
from delivery.domain.operating import RecordFilter
from delivery.operate import Redriver
from delivery.storage.operating.redriving import Redrives

_DEAD = 100_000
_ROWS = 2 * _DEAD
_START = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
#: What the API leaves of its time-out for one answer.
_ANSWER_WITHIN = timedelta(seconds=5)


def measure(bench: Bench) -> dict[str, Measured]:
    with fresh_database(bench.server, "redrive") as database:
        fill(database.engine, rows=_ROWS, due=_DEAD, due_at=_START, progress=bench.progress)
        end_most(database.engine, rows=_ROWS, dead=_DEAD)
        redriver = Redriver(store=Redrives(engine=database.engine), attempts=5, now=lambda: datetime.now(UTC))
        with stopwatch() as watch:
            done, answers = _all(redriver)
    assert done >= _DEAD
    detail = f"{done:,} of {_ROWS:,} records, in {answers} answers: {done / watch.seconds:,.0f}/s"
    return {REDRIVE_SECONDS.name: Measured(value=watch.seconds, detail=detail)}


def _all(redriver: Redriver) -> tuple[int, int]:
    """How many records were redriven, in how many answers."""
    done, answers = None, 0
    while done is None or done.next:
        until = redriver.now() + _ANSWER_WITHIN
        wanted = RecordFilter(code="network_error")
        done = redriver.run(wanted, actor="bench", per_second=10_000, until=until, begin=done)
        answers += 1
    return done.changed, answers
