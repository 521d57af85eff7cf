"""Attempts in sets: a handful of statements, and each record of the set on its own merits."""

from __future__ import annotations

from time import monotonic, sleep

from sqlalchemy import Engine

from delivery.domain.outcome import NoRecipient, Outcome
from delivery.domain.record import Pointer
from delivery.storage.attempts import Attempts
from tests.integration.clock import Clock
from tests.integration.counting import counted
from tests.integration.notifications import add_rows, rows
from tests.integration.send.test_attempts import BROKEN, DELIVERED, closing, opened


def test_a_set_of_500_takes_a_handful_of_statements(engine: Engine, clock: Clock) -> None:
    """Two to open it, three to close it, each in one transaction."""
    pointers = [Pointer(record_id, 0) for record_id in add_rows(engine, 500, now=clock())]
    with counted(engine) as opening:
        attempts = opened(engine, clock, *pointers)
    with counted(engine) as shutting:
        won = Attempts(engine=engine).close([closing(attempt, DELIVERED, clock) for attempt in attempts]).won
    assert len(won) == 500
    assert (opening["statements"], opening["commits"]) == (2, 1)
    assert (shutting["statements"], shutting["commits"]) == (3, 1)


def test_a_set_is_opened_and_closed_without_a_look_at_other_rows(fresh_engine: Engine, clock: Clock) -> None:
    """A scan of a small table would lock each of them for a moment, and another sender would find its own locked."""
    ids = add_rows(fresh_engine, 100, now=clock())
    with counted(fresh_engine) as counts:
        attempts = opened(fresh_engine, clock, *(Pointer(record_id, 0) for record_id in ids[:50]))
        won = Attempts(engine=fresh_engine).close([closing(attempt, DELIVERED, clock) for attempt in attempts]).won
    assert len(won) == 50
    assert counts["Handler_read_first"] == 0


def test_of_a_mixed_set_only_what_is_owned_is_closed(engine: Engine, clock: Clock) -> None:
    """Outcomes of every kind in one set, some of them too late."""
    ids = add_rows(engine, 6, now=clock())
    attempts = opened(engine, clock, *(Pointer(record_id, 0) for record_id in ids))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE notification_records SET attempt_count = 2 WHERE id = %s", (ids[0],))
        connection.exec_driver_sql("UPDATE notification_records SET status = 'dead' WHERE id = %s", (ids[1],))
    outcomes: list[Outcome] = [DELIVERED, DELIVERED, DELIVERED, BROKEN, NoRecipient(reason="r"), DELIVERED]
    closings = [closing(attempt, outcome, clock) for attempt, outcome in zip(attempts, outcomes, strict=True)]
    assert Attempts(engine=engine).close(closings[::-1]).won == set(ids[2:])
    assert [record.status for record in rows(engine)] == ["sending", "dead", "sent", "failed", "skipped", "sent"]


def wait_until_locked(engine: Engine) -> None:
    """Returns once a transaction waits for a lock."""
    until = monotonic() + 30
    while monotonic() < until:
        with engine.connect() as connection:
            waiting = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
            if connection.exec_driver_sql(waiting).scalar_one():
                return
        sleep(0.2)  # InnoDB shows the same picture until nobody has looked for 0.1 s
    raise AssertionError("nobody waits for a lock")
