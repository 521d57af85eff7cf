"""Prune beside everything else that works on the same tables: it waits for nobody, and nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import ProgrammingError

from delivery.domain.outcome import Delivered
from delivery.domain.transition import Closing, after_attempt
from delivery.ingest import IngestReport
from delivery.storage.attempts import Attempts
from tests.integration.clock import Clock
from tests.integration.counting import lock_waits
from tests.integration.faulty_commits import lose_next_commit
from tests.integration.notifications import add_rows, batch, count, kafka, rows
from tests.integration.prune.pruning import (
    HOUR,
    RECORD_DAYS,
    add_final,
    add_outbox,
    add_reject,
    ids_of,
    prune,
    pruner,
    records_left,
    with_attempts,
)
from tests.integration.sending import LEASE, PointerList, claim_all, ingester
from tests.integration.threads import at_once
from tests.unit.samples import EXACT_RETRY
from tests.waiting import until

OLD = timedelta(days=RECORD_DAYS, hours=1)


@contextmanager
def held(engine: Engine, *statements: str) -> Iterator[None]:
    """Somebody has locked these rows."""
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(f"{statement} FOR UPDATE")
        yield
        connection.rollback()


@contextmanager
def in_the_middle_of_a_set(engine: Engine, beside: Callable[[], None]) -> Iterator[None]:
    """The first set of this engine's pruner stops before it commits, with all its rows locked, until this is done."""
    met: list[str] = []

    def do(_: Connection, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("DELETE") and "notification_records" in statement and not met:
            met.append(statement)
            beside()

    event.listen(engine, "after_cursor_execute", do)
    yield
    event.remove(engine, "after_cursor_execute", do)
    assert met, "no set was deleted"


def test_prunes_at_once_delete_every_row_once(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """The schedule may fire twice, and an operator may invoke it: nobody waits, and nothing is counted twice."""
    add_final(engine, 2_000, ended=clock() - OLD, tries=2)
    kept = add_final(engine, 100, ended=clock(), tries=1)
    before = lock_waits(engine)
    stages = [pruner(another_engine(), clock, set_size=100) for _ in range(4)]
    reports = at_once([partial(stage.run, until=clock() + HOUR) for stage in stages])
    assert [report.failure for report in reports] == [None] * 4
    left_over = prune(engine, clock).deleted["records"]
    assert sum(report.deleted["records"] for report in reports) == 2_000 - left_over
    assert records_left(engine) == with_attempts(engine) == kept
    assert lock_waits(engine) == before


def test_a_locked_row_is_passed_over_and_goes_the_next_time(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """Whoever has locked it is not waited for, and its neighbours go."""
    ids = add_final(engine, 9, ended=clock() - OLD, tries=2)
    for number in (1, 2, 3):
        add_reject(engine, number, came=clock() - OLD)
        add_outbox(engine, number, "consumed", ended=clock() - OLD)
    tables = ("notification_rejects", "notification_outbox_messages")
    locked = [f"SELECT * FROM notification_records WHERE id = {ids[4]}"]
    locked += [f"SELECT * FROM {table} WHERE id = 2" for table in tables]
    before = lock_waits(engine)
    with held(another_engine(), *locked):
        report = prune(engine, clock, set_size=4)
    assert records_left(engine) == with_attempts(engine) == [ids[4]]
    assert [ids_of(engine, table) for table in tables] == [[2], [2]]
    assert report.oldest_kept_seconds == {
        "records": OLD.total_seconds(),
        "rejects": OLD.total_seconds(),
        "outbox": OLD.total_seconds(),
        "outbox_dead": 0,
    }
    assert lock_waits(engine) == before
    assert list(prune(engine, clock).deleted.values()) == [1, 1, 1, 0]


def test_rows_that_others_work_on_do_not_hold_it_up(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """On a small table, too, where MySQL would rather read all of it: each old row has a busy one on either side."""
    busy, old = [], []
    for _ in range(5):
        busy += add_rows(engine, 1, now=clock(), next_retry_at=clock())
        old += add_final(engine, 1, ended=clock() - OLD, tries=2)
    busy += add_final(engine, 1, ended=clock(), tries=2)
    before = lock_waits(engine)
    listed = ", ".join(map(str, busy))
    records = f"SELECT * FROM notification_records WHERE id IN ({listed})"
    with held(another_engine(), records, f"SELECT * FROM notification_attempts WHERE record_id = {busy[-1]}"):
        assert prune(engine, clock).deleted["records"] == 5
    assert records_left(engine) == busy
    assert lock_waits(engine) == before


def test_a_locked_line_of_history_keeps_its_set_and_no_other(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """A report that comes three months late: the set is there the next time, whole."""
    ids = add_final(engine, 6, ended=clock() - OLD, tries=1)
    before = lock_waits(engine)
    with held(another_engine(), f"SELECT * FROM notification_attempts WHERE record_id = {ids[1]}"):
        assert prune(engine, clock, set_size=3).deleted["records"] == 3
    assert records_left(engine) == with_attempts(engine) == ids[:3]
    assert lock_waits(engine) == before + 1  # it is not tried again: others may be waiting for the set's records
    assert prune(engine, clock).deleted["records"] == 3


def test_rows_that_somebody_deletes_while_they_are_listed_do_not_end_the_run(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """As two runs at once do to each other: what lies behind them goes all the same."""
    ids = add_final(engine, 4, ended=clock() - OLD)
    other, listed = another_engine(), list[str]()

    def delete_them(_: Connection, __: Any, statement: str, *___: Any) -> None:
        if "ORDER BY created_at" in statement and not listed:
            listed.append(statement)
            with other.begin() as connection:
                connection.exec_driver_sql("DELETE FROM notification_records WHERE id IN %s", (ids[:2],))

    event.listen(engine, "after_cursor_execute", delete_them)
    assert prune(engine, clock, set_size=2).deleted["records"] == 2
    event.remove(engine, "after_cursor_execute", delete_them)
    assert listed
    assert records_left(engine) == []


def test_a_set_whose_commit_was_answered_by_nobody_is_no_failure(
    engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether MySQL took it is found out by trying again."""
    add_final(engine, 3, ended=clock() - OLD)
    lose_next_commit(monkeypatch, taken=True)
    assert prune(engine, clock).deleted["records"] == 0
    add_final(engine, 3, ended=clock() - OLD)
    lose_next_commit(monkeypatch, taken=False)
    assert prune(engine, clock).deleted["records"] == 3
    assert records_left(engine) == []


def test_what_mysql_refuses_fails_the_run(fresh_engine: Engine, clock: Clock) -> None:
    """It has not been waited for, so that nothing says that it will go the next time."""
    add_final(fresh_engine, 1, ended=clock() - OLD)
    with fresh_engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE notification_attempts")
    with pytest.raises(ProgrammingError, match="1146"):
        prune(fresh_engine, clock)


@pytest.mark.parametrize("number", [1, 50])
def test_delivery_goes_on_in_the_middle_of_a_set(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock, number: int
) -> None:
    """Claim, ingest and send do all their work while a set's rows are locked, and wait for none of them.

    They work in prune's own thread, so that a wait for its locks could only end as a time-out.
    """
    add_final(engine, number, ended=clock() - OLD, tries=2)
    known = add_final(engine, 1, ended=clock())
    due = add_rows(engine, 20, now=clock(), next_retry_at=clock())
    other, queue = another_engine(), PointerList()

    def deliver() -> None:
        report = ingester(other, clock, queue).run([*batch("new-1", "new-2", "new-1"), kafka(b"poison", offset=9)])
        assert (report.published, sum(report.rejected.values())) == (2, 1)
        pointers = [*claim_all(other, clock, queue), *queue.take()]
        opened = Attempts(engine=other).open(pointers, now=clock(), lease=LEASE)
        outcome = Delivered(provider_message_id="1")
        closings = [
            Closing(
                attempt=attempt,
                outcome=outcome,
                transition=after_attempt(attempt, outcome, EXACT_RETRY, clock()),
                finished_at=clock(),
            )
            for attempt in opened
        ]
        assert len(Attempts(engine=other).close(closings).won) == 22

    with in_the_middle_of_a_set(engine, deliver):
        assert prune(engine, clock).deleted["records"] == number
    assert count(engine, where="status = 'sent'") == len(due) + 2 + len(known)


def test_an_event_that_is_repeated_while_its_record_goes_is_a_new_notification(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """Its batch waits until the set is committed, and no longer."""
    add_final(engine, 1, ended=clock() - OLD)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE notification_records SET dedupe_key = 'again'")
    other, looking, before = another_engine(), another_engine(), lock_waits(engine)
    with ThreadPoolExecutor(max_workers=1) as thread:
        stage = ingester(other, clock, PointerList())
        reports: list[Future[IngestReport]] = []

        def repeat() -> None:
            reports.append(thread.submit(stage.run, batch("again")))
            until(lambda: lock_waits(looking) > before, within=10)

        with in_the_middle_of_a_set(engine, repeat):
            assert prune(engine, clock).deleted["records"] == 1
        [report] = reports
        assert report.result().duplicates == 0
    [left] = rows(engine, "status, dedupe_key")
    assert (left.status, left.dedupe_key) == ("pending", "again")
