"""Measures how much of its rate delivery keeps while prune deletes old records all the time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from benchmarks.databases import Database, fresh_database
from benchmarks.notifications import requests
from benchmarks.report.figures import PRUNE_PAUSE, Measured
from benchmarks.rounds import Turn, stopwatch, take_turns
from benchmarks.steps import Bench
from benchmarks.storing.filling import add_attempts, fill
from benchmarks.storing.living import live_in_sets
from benchmarks.storing.pruner import running_pruner

_OLD = 300_000
_LONG_AGO = timedelta(days=100)
_SET = 500
#: Some seconds per turn, so that a turn includes many sets and pauses of prune.
_SETS_A_TURN = 40
_ROUNDS = 6

_OLD_RECORDS = """
SELECT COUNT(*) FROM notification_records WHERE status = 'sent' AND created_at < NOW() - INTERVAL 90 DAY"""


def measure(bench: Bench) -> dict[str, Measured]:
    with fresh_database(bench.server, "prune") as database:
        engine = database.engine
        # as few due rows as `fill` accepts, because prune skips them
        fill(engine, rows=_OLD, due=1, due_at=datetime.now(UTC) - _LONG_AGO, progress=bench.progress)
        add_attempts(engine)
        beside = _Beside(database, log=bench.state / "prune.log")
        each = take_turns({"alone": _delivering(engine), "beside": beside.turn}, rounds=_ROUNDS)
    rates = f"{1 / each['beside']:,.0f}/s against {1 / each['alone']:,.0f}/s"
    detail = f"{rates}, beside {beside.deleted / beside.seconds:,.0f} deleted records/s"
    return {PRUNE_PAUSE.name: Measured(value=each["alone"] / each["beside"], detail=detail)}


class _Beside:
    """Turns of delivery while a pruner with default settings runs in its own process, like a function."""

    def __init__(self, database: Database, *, log: Path) -> None:
        self._database, self._log = database, log
        self._deliver = _delivering(database.engine)
        self.deleted, self.seconds = 0, 0.0

    def turn(self) -> float:
        with running_pruner(self._database.address, log=self._log):
            before = _old_records(self._database.engine)
            with stopwatch() as watch:
                each = self._deliver()
            after = _old_records(self._database.engine)
        assert 0 < after < before, "prune has something to do all the time"
        self.deleted += before - after
        self.seconds += watch.seconds
        return each


def _delivering(engine: Engine) -> Turn:
    def turn() -> float:
        batches = [requests(_SET) for _ in range(_SETS_A_TURN)]
        with stopwatch() as watch:
            for batch in batches:
                live_in_sets(engine, batch, now=datetime.now(UTC))
        return watch.each_of(_SET * _SETS_A_TURN)

    return turn


def _old_records(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(_OLD_RECORDS).scalar_one())
