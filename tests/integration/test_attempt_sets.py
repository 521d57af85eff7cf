"""Attempts in sets: a handful of statements, and each record of the set on its own merits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import Engine

from delivery.domain.outcome import Outcome, Unreachable
from delivery.domain.record import Pointer
from delivery.storage.attempts import Attempts
from delivery.storage.claims import DueRecords
from tests.integration.clock import Clock
from tests.integration.counting import counted
from tests.integration.notifications import add_rows, rows
from tests.integration.sending import LEASE
from tests.integration.test_attempts import BROKEN, DELIVERED, closing, opened
from tests.integration.together import at_once


def test_a_set_of_500_takes_a_handful_of_statements(engine: Engine, clock: Clock) -> None:
    """Two to open it, three to close it, each in one transaction."""
    pointers = [Pointer(record_id, 0) for record_id in add_rows(engine, 500, now=clock())]
    with counted(engine) as opening:
        attempts = opened(engine, clock, *pointers)
    with counted(engine) as shutting:
        won = Attempts(engine=engine).close([closing(attempt, DELIVERED, clock) for attempt in attempts])
    assert len(won) == 500
    assert (opening["statements"], opening["commits"]) == (2, 1)
    assert (shutting["statements"], shutting["commits"]) == (3, 1)


def test_of_a_mixed_set_only_what_is_owned_is_closed(engine: Engine, clock: Clock) -> None:
    """Outcomes of every kind in one set, some of them too late."""
    ids = add_rows(engine, 6, now=clock())
    attempts = opened(engine, clock, *(Pointer(record_id, 0) for record_id in ids))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE notification_records SET attempt_count = 2 WHERE id = %s", (ids[0],))
        connection.exec_driver_sql("UPDATE notification_records SET status = 'dead' WHERE id = %s", (ids[1],))
    outcomes: list[Outcome] = [DELIVERED, DELIVERED, DELIVERED, BROKEN, Unreachable(reason="r"), DELIVERED]
    closings = [closing(attempt, outcome, clock) for attempt, outcome in zip(attempts, outcomes, strict=True)]
    assert Attempts(engine=engine).close(closings[::-1]) == set(ids[2:])
    assert [record.status for record in rows(engine)] == ["sending", "dead", "sent", "failed", "skipped", "sent"]


def test_closing_and_claiming_the_same_records_do_not_deadlock(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A set that outlived its lease is closed while claim takes it: both lock records first, and nobody is a victim."""
    victims: list[float] = []
    monkeypatch.setattr("delivery.storage.database.time.sleep", victims.append)
    closer, claims = Attempts(engine=another_engine()), DueRecords(engine=another_engine())
    for _ in range(5):
        ids = add_rows(engine, 200, now=clock())
        attempts = opened(engine, clock, *(Pointer(record_id, 0) for record_id in ids))
        late = [closing(attempt, DELIVERED, clock) for attempt in attempts]
        now = clock.move(minutes=10)
        both: list[Callable[[], object]] = [
            partial(closer.close, late),
            partial(claims.lease_due, limit=200, now=now, lease=LEASE),
        ]
        at_once(both)
    assert victims == []
