"""Closing when MySQL is in the way: locked rows, lost answers, packets that are too large, numbers given back."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic

import pymysql
import pytest
from sqlalchemy import Connection, Engine, event

from delivery.deadline import ending_in
from delivery.domain.outcome import Delivered, Exchange, NotStarted, Outcome
from delivery.domain.record import Attempt, DatabaseDown, Pointer
from delivery.domain.transition import Closed
from delivery.storage.attempts import Attempts
from delivery.storage.claims import DueRecords
from tests.integration.clock import Clock
from tests.integration.conftest import engine_for
from tests.integration.counting import lock_waits
from tests.integration.faulty_commits import lose_next_commit
from tests.integration.notifications import add_row, add_rows, count, row, rows
from tests.integration.send.test_attempts import BROKEN, DELIVERED, closing, fail_statements, opened, outcomes
from tests.integration.sending import LEASE, LEASE_OVER

NOT_STARTED = NotStarted(reason="its call had not begun when the time was over")


def opened_set(engine: Engine, clock: Clock, number: int) -> list[Attempt]:
    ids = add_rows(engine, number, now=clock(), next_retry_at=clock())
    return opened(engine, clock, *(Pointer(record_id, 0) for record_id in ids))


def ids_of(attempts: Sequence[Attempt]) -> frozenset[int]:
    return frozenset(attempt.record_id for attempt in attempts)


@pytest.fixture
def another_transaction(another_engine: Callable[[], Engine]) -> Iterator[Connection]:
    with another_engine().connect() as connection:
        yield connection
        connection.rollback()


def test_rows_that_are_not_locked_close_by_themselves(
    engine: Engine, another_transaction: Connection, clock: Clock
) -> None:
    """At once; the locked one is named, and closes when its lock is gone."""
    attempts = opened_set(engine, clock, 32)
    one = attempts[7].record_id
    another_transaction.exec_driver_sql("SELECT id FROM notification_records WHERE id = %s FOR UPDATE", (one,))
    closings = [closing(attempt, DELIVERED, clock) for attempt in attempts]
    waits = lock_waits(engine)
    closed = Attempts(engine=engine).close(closings)
    assert lock_waits(engine) == waits
    assert closed.locked == {one}
    assert closed.won == {attempt.record_id for attempt in attempts} - {one}
    assert (row(engine, one).status, outcomes(engine, one)) == ("sending", [])
    another_transaction.rollback()
    assert Attempts(engine=engine).close(closings).won == {attempt.record_id for attempt in attempts}
    assert {record.status for record in rows(engine)} == {"sent"}


def test_closing_does_not_deadlock_with_a_claim(engine: Engine, another_transaction: Connection, clock: Clock) -> None:
    """Claim holds the record and notes its attempt as lost; a late close leaves it alone, then replaces the line."""
    [attempt] = opened_set(engine, clock, 1)
    note = (attempt.record_id, clock().replace(tzinfo=None))
    another_transaction.exec_driver_sql("SELECT id FROM notification_records WHERE id = %s FOR UPDATE", note[:1])
    assert Attempts(engine=engine).close([closing(attempt, DELIVERED, clock)]).locked == {attempt.record_id}
    another_transaction.exec_driver_sql(
        "INSERT INTO notification_attempts (record_id, attempt, started_at, outcome) VALUES (%s, 1, %s, 'lost')", note
    )
    another_transaction.commit()
    assert Attempts(engine=engine).close([closing(attempt, DELIVERED, clock)]).won == {attempt.record_id}
    assert outcomes(engine, attempt.record_id) == [(1, "delivered")]


def test_a_locked_line_of_history_keeps_no_other_attempt_open(
    engine: Engine, another_transaction: Connection, clock: Clock
) -> None:
    """An operator's session holds it. Halves find it; each half that is free is closed."""
    attempts = opened_set(engine, clock, 4)
    one = attempts[2].record_id
    another_transaction.exec_driver_sql(
        "INSERT INTO notification_attempts (record_id, attempt, started_at, outcome) VALUES (%s, 1, NOW(3), 'lost')",
        (one,),
    )
    closed = Attempts(engine=engine).close([closing(attempt, DELIVERED, clock) for attempt in attempts])
    assert closed == Closed(won=ids_of(attempts) - {one}, locked=frozenset({one}))


def test_a_row_that_stays_locked_keeps_no_other_from_being_opened(
    engine: Engine, another_transaction: Connection, clock: Clock
) -> None:
    """It is waited for once, for a second; its record comes due again by itself."""
    ids = add_rows(engine, 32, now=clock(), next_retry_at=clock())
    another_transaction.exec_driver_sql("SELECT id FROM notification_records WHERE id = %s FOR UPDATE", (ids[3],))
    waits = lock_waits(engine)
    attempts = opened(engine, clock, *(Pointer(record_id, 0) for record_id in ids))
    assert lock_waits(engine) == waits + 1
    assert ids_of(attempts) == set(ids) - {ids[3]}


def test_a_locked_row_that_is_not_asked_for_is_not_waited_for(fresh_engine: Engine, clock: Clock) -> None:
    """On a small table a scan would meet it, in opening as in closing. One that was large once is scanned less."""
    ids = add_rows(fresh_engine, 12, now=clock(), next_retry_at=clock())
    with fresh_engine.begin() as another:
        another.exec_driver_sql("SELECT id FROM notification_records WHERE id = %s FOR UPDATE", (ids[3],))
        waits = lock_waits(fresh_engine)
        attempts = opened(fresh_engine, clock, *(Pointer(record_id, 0) for record_id in ids if record_id != ids[3]))
        closed = Attempts(engine=fresh_engine).close([closing(attempt, DELIVERED, clock) for attempt in attempts])
        assert closed == Closed(won=frozenset(ids) - {ids[3]})
        assert lock_waits(fresh_engine) == waits


def test_a_locked_table_is_waited_for_once_and_everything_in_it_is_locked(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """LOCK TABLES, or an ALTER: rows cannot be skipped then, and halves would each wait anew."""
    attempts = opened_set(engine, clock, 8)
    began = monotonic()
    with table_locked(another_engine(), "notification_records"):
        closed = Attempts(engine=engine).close([closing(attempt, DELIVERED, clock) for attempt in attempts])
    assert monotonic() - began < 10
    assert closed == Closed(won=frozenset(), locked=ids_of(attempts))


@contextmanager
def table_locked(engine: Engine, table: str) -> Iterator[None]:
    with engine.connect() as connection:
        connection.exec_driver_sql(f"LOCK TABLES {table} WRITE")
        try:
            yield
        finally:
            connection.exec_driver_sql("UNLOCK TABLES")


@pytest.mark.parametrize("taken", [True, False], ids=["commit taken", "commit not taken"])
def test_a_close_whose_answer_was_lost_is_won_and_not_late(
    engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch, *, taken: bool
) -> None:
    """It is done again on a new connection, and finds its own work or does it."""
    attempts = opened_set(engine, clock, 3)
    lose_next_commit(monkeypatch, taken=taken)
    outcomes: tuple[Outcome, ...] = (DELIVERED, BROKEN, NOT_STARTED)
    closings = [closing(attempt, outcome, clock) for attempt, outcome in zip(attempts, outcomes, strict=True)]
    closed = Attempts(engine=engine).close(closings)
    assert closed == Closed(won=ids_of(attempts))
    assert [record.status for record in rows(engine)] == ["sent", "failed", "pending"]


@pytest.mark.parametrize("taken", [True, False], ids=["commit taken", "commit not taken"])
def test_an_opening_whose_answer_was_lost_has_the_same_attempts(
    engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch, *, taken: bool
) -> None:
    """None is opened a second time, and none is left `sending` without a sender."""
    ids = add_rows(engine, 3, now=clock(), next_retry_at=clock())
    lose_next_commit(monkeypatch, taken=taken)
    attempts = opened(engine, clock, *(Pointer(record_id, 0) for record_id in ids))
    assert [(attempt.record_id, attempt.number) for attempt in attempts] == [(record_id, 1) for record_id in ids]
    assert {(record.status, record.attempt_count) for record in rows(engine)} == {("sending", 1)}


def test_another_sender_s_opening_of_the_same_moment_is_not_taken_for_ours(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease ends at another odd millisecond. Both calling Feishu would send the message twice."""
    pointer = Pointer(add_row(engine, now=clock(), next_retry_at=clock()), 0)
    odd = iter([0.100, 0.200])
    monkeypatch.setattr(random, "random", lambda: next(odd))
    theirs: list[Attempt] = []
    other = another_engine()
    lose_next_commit(monkeypatch, taken=False, meanwhile=lambda: theirs.extend(opened(other, clock, pointer)))
    assert opened(engine, clock, pointer) == []
    assert [attempt.number for attempt in theirs] == [1]


def test_a_claim_of_the_same_moment_is_not_taken_for_an_opening(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease may end at the same millisecond. The record is opened once, with the number that is next."""
    pointer = Pointer(add_row(engine, now=clock(), next_retry_at=clock()), 0)
    monkeypatch.setattr(random, "random", lambda: 0.0)
    due = DueRecords(engine=another_engine())
    lose_next_commit(monkeypatch, taken=False, meanwhile=lambda: due.lease_due(limit=1, now=clock(), lease=LEASE))
    assert [attempt.number for attempt in opened(engine, clock, pointer)] == [1]
    assert row(engine, pointer.record_id).attempt_count == 1


def test_an_attempt_that_never_started_gives_its_number_back(engine: Engine, clock: Clock) -> None:
    """No line of history, and the next opening has the same number; after a failure the record is `failed` again."""
    first, second = opened_set(engine, clock, 2)
    store = Attempts(engine=engine)
    store.close([closing(second, BROKEN, clock)])
    [second] = opened(engine, clock, Pointer(second.record_id, 1))
    assert store.close([closing(one, NOT_STARTED, clock) for one in (first, second)]).won == {
        first.record_id,
        second.record_id,
    }
    assert [(one.status, one.attempt_count) for one in rows(engine)] == [("pending", 0), ("failed", 1)]
    assert [outcomes(engine, one.record_id) for one in (first, second)] == [[], [(1, "temporary")]]
    clock.move(seconds=30)
    pointers = DueRecords(engine=engine).lease_due(limit=9, now=clock(), lease=LEASE).pointers
    assert sorted(pointers) == [Pointer(first.record_id, 0), Pointer(second.record_id, 1)]
    assert [attempt.number for attempt in opened(engine, clock, *pointers)] == [1, 2]


def test_a_number_given_back_late_leaves_a_newer_attempt_alone(engine: Engine, clock: Clock) -> None:
    """Somebody else has the record by then."""
    [late] = opened_set(engine, clock, 1)
    clock.wait(LEASE_OVER)
    [pointer] = DueRecords(engine=engine).lease_due(limit=9, now=clock(), lease=LEASE).pointers
    opened(engine, clock, pointer)
    before = row(engine, late.record_id)
    closed = Attempts(engine=engine).close([closing(late, NOT_STARTED, clock)])
    assert closed == Closed(won=frozenset())
    assert row(engine, late.record_id) == before


def test_a_record_that_was_deleted_meanwhile_does_not_stick(engine: Engine, clock: Clock) -> None:
    """Its closing is late, the others are won: nothing comes again for ever. It leaves no history of nothing."""
    gone, there = opened_set(engine, clock, 2)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM notification_records WHERE id = %s", (gone.record_id,))
    closed = Attempts(engine=engine).close([closing(one, DELIVERED, clock) for one in (gone, there)])
    assert closed == Closed(won=ids_of([there]))
    assert outcomes(engine, gone.record_id) == []


def test_without_time_a_set_with_a_locked_line_is_left_for_later(
    engine: Engine, another_transaction: Connection, clock: Clock
) -> None:
    """Every wait is within what is left; what was not tried is still ours."""
    attempts = opened_set(engine, clock, 8)
    another_transaction.exec_driver_sql(
        "INSERT INTO notification_attempts (record_id, attempt, started_at, outcome) VALUES (%s, 1, NOW(3), 'lost')",
        (attempts[0].record_id,),
    )
    began = monotonic()
    with ending_in(3):
        closed = Attempts(engine=engine).close([closing(attempt, DELIVERED, clock) for attempt in attempts])
    assert monotonic() - began < 6
    assert closed.locked == {attempt.record_id for attempt in attempts}


@pytest.fixture
def small_packets(engine: Engine, shared_url: str) -> Iterator[Engine]:
    """Connections on which a statement may have 256 KiB."""
    with engine.connect() as connection:
        usual = connection.exec_driver_sql("SELECT @@GLOBAL.max_allowed_packet").scalar_one()
        connection.exec_driver_sql("SET GLOBAL max_allowed_packet = 262144")
    own = engine_for(shared_url)
    try:
        yield own
    finally:
        own.dispose()
        with engine.connect() as connection:
            connection.exec_driver_sql("SET GLOBAL max_allowed_packet = %s", (usual,))


def test_no_statement_of_a_close_outgrows_what_the_server_takes(small_packets: Engine, clock: Clock) -> None:
    """Forty messages of 20,000 bytes, half of which have to be escaped."""
    attempts = opened_set(small_packets, clock, 40)
    long = Delivered(provider_message_id="m", exchange=Exchange(request={"text": "\"'" * 10_000}, http_status=200))
    closed = Attempts(engine=small_packets).close([closing(attempt, long, clock) for attempt in attempts])
    assert len(closed.won) == 40
    assert count(small_packets, "notification_attempts") == 40


@pytest.mark.parametrize("number", [1153, 2006])
def test_a_close_that_is_refused_as_too_large_is_halved(engine: Engine, clock: Clock, number: int) -> None:
    """By something between us and a server that would take it: with MySQL's error, or by hanging up while we send."""
    attempts = opened_set(engine, clock, 40)

    def refuse(_cursor: object, _statement: str, parameters: Sequence[object], _context: object) -> None:
        if sum(len(str(value)) for value in parameters) > 50_000:
            raise pymysql.err.OperationalError(number, "refused")

    event.listen(engine, "do_execute", refuse)
    long = Delivered(provider_message_id="m", exchange=Exchange(request={"text": "x" * 2_000}, http_status=200))
    closed = Attempts(engine=engine).close([closing(attempt, long, clock) for attempt in attempts])
    assert len(closed.won) == 40
    assert count(engine, "notification_attempts") == 40


def test_one_close_that_is_refused_as_too_large_is_told_as_that(engine: Engine, clock: Clock) -> None:
    """There is nothing left to halve."""
    [attempt] = opened_set(engine, clock, 1)
    fail_statements(engine, pymysql.err.OperationalError(1153, "refused"))
    with pytest.raises(DatabaseDown, match="1153: refused"):
        Attempts(engine=engine).close([closing(attempt, DELIVERED, clock)])


def test_a_close_that_is_refused_for_its_size_is_halved(small_packets: Engine, clock: Clock) -> None:
    """Nobody asks what a server takes if any should take it: here 400,000 bytes, of which it takes 262,144."""
    attempts = opened_set(small_packets, clock, 4)
    long = Delivered(provider_message_id="m", exchange=Exchange(request={"text": "🦢" * 25_000}, http_status=200))
    closed = Attempts(engine=small_packets).close([closing(attempt, long, clock) for attempt in attempts])
    assert len(closed.won) == 4
    assert count(small_packets, "notification_attempts") == 4


def test_a_lease_ends_within_a_second_of_what_was_asked(engine: Engine, clock: Clock) -> None:
    """The odd milliseconds tell openings apart, and no more."""
    [attempt] = opened_set(engine, clock, 1)
    left = row(engine, attempt.record_id).next_retry_at - clock().replace(tzinfo=None)
    assert LEASE <= left < LEASE + timedelta(seconds=1)
