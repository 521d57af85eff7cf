"""Measures claiming what is due: in sets against row by row, and one set from tables of several sizes."""

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count

from sqlalchemy import Engine

from benchmarks.databases import fresh_database
from benchmarks.report.figures import CLAIM_GROWTH, CLAIM_VS_ROWS, Measured
from benchmarks.rounds import Turn, stopwatch, take_turns
from benchmarks.steps import Bench
from benchmarks.storing.filling import fill
from benchmarks.storing.row_by_row import RowByRow
from delivery.storage.claims import DueRecords

_SET = 500
_ROWS_A_TURN = 100
_ROUNDS = 25
_SIZES = (200_000, 1_000_000)
_DUE = 2_000
#: The due rows of a table as small as this share pages, which makes its claims quicker whatever else is in it.
_CROWDED = 20_000
_START = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
_LEASE = timedelta(minutes=10)


def measure_against_rows(bench: Bench) -> dict[str, Measured]:
    rounds = _ROUNDS + 1
    due = rounds * (_SET + _ROWS_A_TURN)
    with fresh_database(bench.server, "claim") as database:
        fill(database.engine, rows=2 * due, due=due, due_at=_START, progress=bench.progress)
        ways = {"sets": _one_set(database.engine), "rows": _row_by_row(database.engine)}
        each = take_turns(ways, rounds=_ROUNDS)
    detail = f"{1 / each['sets']:,.0f}/s against {1 / each['rows']:,.0f}/s"
    return {CLAIM_VS_ROWS.name: Measured(value=each["rows"] / each["sets"], detail=detail)}


def measure_growth(bench: Bench) -> dict[str, Measured]:
    """Measures the sizes in turn, each in its own database. Leases end between rounds, so that rows stay due."""
    with ExitStack() as databases:
        ways: dict[str, Turn] = {}
        for size in (_CROWDED, *_sizes(bench.rows)):
            engine = databases.enter_context(fresh_database(bench.server, f"claim_{size}")).engine
            fill(engine, rows=size, due=_DUE, due_at=_START, progress=bench.progress)
            ways[f"{size:,}"] = _one_set(engine)
        each = take_turns(ways, rounds=_ROUNDS)
    crowded, *sizes = (f"{1000 * _SET * seconds:.1f} ms at {size}" for size, seconds in each.items())
    _, *apart = each.values()
    detail = f"{', '.join(sizes)}; {crowded}, where due rows share pages"
    return {CLAIM_GROWTH.name: Measured(value=max(apart) / min(apart), detail=detail)}


def _sizes(largest: int) -> Sequence[int]:
    return [*(size for size in _SIZES if size < largest), largest]


def _one_set(engine: Engine) -> Turn:
    records, ticks = DueRecords(engine=engine), count(1)

    def turn() -> float:
        now = _START + next(ticks) * _LEASE / (_DUE // _SET)
        with stopwatch() as watch:
            claimed = records.lease_due(limit=_SET, now=now, lease=_LEASE)
        assert len(claimed.pointers) == _SET
        return watch.each_of(_SET)

    return turn


def _row_by_row(engine: Engine) -> Turn:
    def turn() -> float:
        with stopwatch() as watch:
            pointers = RowByRow(engine=engine).claim(limit=_ROWS_A_TURN, now=_START, lease=_LEASE)
        assert len(pointers) == _ROWS_A_TURN
        return watch.each_of(_ROWS_A_TURN)

    return turn
