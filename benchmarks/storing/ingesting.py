"""Measures recording: in sets, on the bare driver, and row by row."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, StaticPool, create_engine

from benchmarks.databases import fresh_database
from benchmarks.notifications import intake, requests
from benchmarks.report.figures import INGEST_VS_RAW, INGEST_VS_ROWS, Measured
from benchmarks.rounds import Turn, stopwatch, take_turns
from benchmarks.steps import Bench
from benchmarks.storing import raw_driver
from benchmarks.storing.row_by_row import RowByRow
from benchmarks.storing.statements import MAX_ATTEMPTS
from delivery.storage.recording import Recorder

_SET = 500
_ROWS_A_TURN = 100
_ROUNDS = 40
_HANDOFF = timedelta(minutes=5)


def measure(bench: Bench) -> dict[str, Measured]:
    with fresh_database(bench.server, "ingest") as database, database.engine.connect() as held:
        driver = held.connection.driver_connection
        ways = {
            "sets": _in_sets(database.engine),
            "raw": _on_the_driver(driver),
            "rows": _row_by_row(database.engine),
            "held": _row_by_row(_without_a_pool(driver)),
        }
        each = take_turns(ways, rounds=_ROUNDS)
    sets, raw, rows, held_rows = (f"{1 / each[name]:,.0f}/s" for name in ways)
    against = f"{sets} against {rows}; a connection held open and never checked: {held_rows}"
    return {
        INGEST_VS_ROWS.name: Measured(value=each["rows"] / each["sets"], detail=against),
        INGEST_VS_RAW.name: Measured(value=each["raw"] / each["sets"], detail=f"{sets} against {raw}"),
    }


def _without_a_pool(connection: object) -> Engine:
    """The lowest possible cost of rows. No function can work so, because its connection ends while it sleeps."""
    return create_engine("mysql+pymysql://", poolclass=StaticPool, creator=lambda: connection)


def _in_sets(engine: Engine) -> Turn:
    recorder = Recorder(engine=engine)

    def turn() -> float:
        batch, now = intake(_SET), datetime.now(UTC)
        with stopwatch() as watch:
            recorder.store(batch, now=now, handoff_at=now + _HANDOFF, max_attempts=MAX_ATTEMPTS)
        return watch.each_of(_SET)

    return turn


def _on_the_driver(connection: object) -> Turn:
    def turn() -> float:
        batch, now = requests(_SET), datetime.now(UTC)
        with stopwatch() as watch:
            raw_driver.ingest(connection, batch, now=now, handoff_at=now + _HANDOFF)
        return watch.each_of(_SET)

    return turn


def _row_by_row(engine: Engine) -> Turn:
    def turn() -> float:
        batch, now = requests(_ROWS_A_TURN), datetime.now(UTC)
        with stopwatch() as watch:
            RowByRow(engine=engine).ingest(batch, now=now, handoff_at=now + _HANDOFF)
        return watch.each_of(_ROWS_A_TURN)

    return turn
