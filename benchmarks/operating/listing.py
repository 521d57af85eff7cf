"""Measures a page of an operator's list: the first and the thousandth, from a small and a large table."""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from benchmarks.databases import fresh_database
from benchmarks.report.figures import LIST_GROWTH, Measured
from benchmarks.rounds import Turn, stopwatch, take_turns
from benchmarks.steps import Bench
from benchmarks.storing.filling import end_most, fill
from delivery.domain.operating import Place, RecordFilter
from delivery.domain.record import Status
from delivery.storage.operating.searching import RecordSearch

_ROUNDS = 25
_PAGES_A_TURN = 4
_SIZE = 50
_THOUSANDTH = 1_000 * _SIZE
_SMALL, _LARGE = 20_000, 1_000_000
_START = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
#: What an operator lists: everything, what is dead, what one user got.
_LISTS = {
    "all": RecordFilter(),
    "dead": RecordFilter(statuses=frozenset({Status.DEAD})),
    "user": RecordFilter(user_id=7),
}


def measure(bench: Bench) -> dict[str, Measured]:
    """The ratio of the slowest page to the fastest, for the list for which it is the largest."""
    with ExitStack() as databases:
        ways: dict[str, Turn] = {}
        for rows in (_SMALL, _LARGE):
            engine = databases.enter_context(fresh_database(bench.server, f"list_{rows}")).engine
            fill(engine, rows=rows, due=rows // 10, due_at=_START, progress=bench.progress)
            end_most(engine, rows=rows, dead=rows // 10)
            ways |= _pages(engine, rows)
        each = take_turns(ways, rounds=_ROUNDS)
    ratios = {name: _ratio(name, each) for name in _LISTS}
    worst = max(ratios, key=lambda name: ratios[name])
    detail = ", ".join(f"{1000 * seconds:.1f} ms {way}" for way, seconds in each.items() if way.startswith(worst))
    return {LIST_GROWTH.name: Measured(value=ratios[worst], detail=detail)}


def _pages(engine: Engine, rows: int) -> dict[str, Turn]:
    """Of a small table the first page and one in its middle, of a large one the first and the thousandth."""
    search = RecordSearch(engine=engine)
    back = min(_THOUSANDTH, rows // 2)
    ways: dict[str, Turn] = {}
    for name, wanted in _LISTS.items():
        # A record was made each second; one in ten is dead, and one in ten is this user's.
        seconds = back if name == "all" else min(10 * back, rows // 2)
        far = Place(_START + timedelta(seconds=rows - seconds), rows)
        ways[f"{name}, first of {rows:,}"] = _page(search, wanted, None)
        ways[f"{name}, far in {rows:,}"] = _page(search, wanted, far)
    return ways


def _page(search: RecordSearch, wanted: RecordFilter, after: Place | None) -> Turn:
    def turn() -> float:
        with stopwatch() as watch:
            page = search.page(wanted, after=after, size=_SIZE)
            for _ in range(_PAGES_A_TURN - 1):
                page = search.page(wanted, after=after, size=_SIZE)
        assert page.rows
        return watch.each_of(_PAGES_A_TURN)

    return turn


def _ratio(name: str, each: Mapping[str, float]) -> float:
    seconds = [took for way, took in each.items() if way.startswith(name)]
    return max(seconds) / min(seconds)
