"""After a restore, what was open in the backup is held until an operator decides, on a real MySQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from delivery.deployment.failure import DeploymentError
from delivery.deployment.held import Holder
from delivery.domain.record import Pointer
from delivery.storage import held
from delivery.storage.attempts import Attempts
from delivery.storage.claims import DUE_INDEX
from delivery.storage.held import HeldRecords
from delivery.storage.mysql.database import to_stored
from tests.integration.children import killed_when_it_says
from tests.integration.clock import Clock
from tests.integration.faulty_commits import lose_next_commit
from tests.integration.notifications import add_row, add_rows, count, row, rows
from tests.integration.sending import LEASE, PointerList, claim_all

SOON = timedelta(minutes=1)
HELD = "status = 'dead' AND last_error_code = 'held_after_restore' AND next_retry_at IS NULL"


def holder(engine: Engine, clock: Clock) -> Holder:
    return Holder(records=HeldRecords(engine=engine), now=clock)


def hold(engine: Engine, clock: Clock) -> int:
    """As the deployment that restores: a minute after the backup was made."""
    return holder(engine, clock).hold(before=clock(), until=clock() + SOON)


def restored(engine: Engine, clock: Clock) -> Sequence[int]:
    """A record in each open state, as a backup has them; then a minute goes by."""
    now, later = clock(), clock() + timedelta(minutes=5)
    ids = [
        add_row(engine, now=now, status="pending", next_retry_at=later),
        add_row(engine, now=now, status="failed", attempt_count=2, next_retry_at=later, last_error_code="provider_5xx"),
        add_row(engine, now=now, status="sending", attempt_count=5, max_attempts=5, next_retry_at=later),
    ]
    clock.move(minutes=1)
    return ids


def test_what_was_open_is_dead_with_a_code_of_its_own_and_is_not_claimed(
    engine: Engine, clock: Clock, queue: PointerList
) -> None:
    """Each row says what it was doing, which decides how likely it was sent."""
    restored(engine, clock)
    assert hold(engine, clock) == 3
    assert count(engine, where=HELD) == 3
    said = [error for (error,) in rows(engine, "last_error")]
    assert [it.partition(" when ")[0] for it in said] == [
        "was pending after 0 attempts",
        "was failed after 2 attempts",
        "was sending after 5 attempts",
    ]
    clock.move(hours=1)
    assert claim_all(engine, clock, queue) == []


def test_what_is_final_is_left_as_it_is(engine: Engine, clock: Clock) -> None:
    """Whatever its code."""
    for status, code in (("sent", None), ("dead", "provider_5xx"), ("skipped", "recipient_missing")):
        add_row(engine, now=clock(), status=status, last_error_code=code, next_retry_at=None)
    before = rows(engine)
    clock.move(minutes=1)
    assert hold(engine, clock) == 0
    assert rows(engine) == before


def test_what_was_written_after_the_moment_is_left_as_it_is(engine: Engine, clock: Clock) -> None:
    """A setting that is forgotten in cdk.json does no harm at a later migration."""
    moment = clock()
    add_row(engine, now=moment, next_retry_at=moment)
    clock.move(minutes=1)
    assert holder(engine, clock).hold(before=moment, until=clock() + SOON) == 0


def test_a_moment_that_is_yet_to_come_is_refused(engine: Engine, clock: Clock) -> None:
    """It would hold what the running stage has just recorded."""
    add_row(engine, now=clock(), next_retry_at=clock())
    with pytest.raises(DeploymentError, match="lies in the future"):
        holder(engine, clock).hold(before=clock() + timedelta(seconds=1), until=clock() + SOON)
    assert count(engine, where=HELD) == 0


def test_what_is_released_is_claimed_and_not_held_again(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """Whoever was in the middle of the last attempt gets one more; the others keep what they had left."""
    moment = clock() + timedelta(minutes=1)
    ids = restored(engine, clock)
    hold(engine, clock)
    clock.move(minutes=1)
    assert holder(engine, clock).release(until=clock() + SOON) == 3
    assert holder(engine, clock).hold(before=moment, until=clock() + SOON) == 0
    assert [it.max_attempts for it in rows(engine, "max_attempts")] == [5, 5, 6]
    pointers = claim_all(engine, clock, queue)
    assert pointers == [Pointer(ids[0], 0), Pointer(ids[1], 2), Pointer(ids[2], 5)]
    opened = Attempts(engine=engine).open(pointers, now=clock(), lease=LEASE)
    assert [attempt.number for attempt in opened] == [1, 3, 6]


def test_releasing_touches_no_other_dead_record(engine: Engine, clock: Clock) -> None:
    """Feishu refused those."""
    other = add_row(engine, now=clock(), status="dead", last_error_code="payload_invalid", next_retry_at=None)
    restored(engine, clock)
    hold(engine, clock)
    assert holder(engine, clock).release(until=clock() + SOON) == 3
    assert row(engine, other).status == "dead"


def test_thousands_are_held_and_released_in_sets(engine: Engine, clock: Clock) -> None:
    """Each once, although the sets follow each other without a plan of the whole."""
    add_rows(engine, 1_203, now=clock(), next_retry_at=clock())
    clock.move(minutes=1)
    assert hold(engine, clock) == 1_203
    assert count(engine, where=HELD) == 1_203
    assert holder(engine, clock).release(until=clock() + SOON) == 1_203
    assert count(engine, where="status = 'failed'") == 1_203


def test_a_hold_that_died_between_two_sets_is_finished_by_the_next(
    engine: Engine, shared_url: str, clock: Clock
) -> None:
    """What was committed stays held, and Lambda's second try does the rest."""
    clock.move(minutes=-10)
    add_rows(engine, 800, now=clock(), next_retry_at=clock())
    clock.move(minutes=10)
    killed_when_it_says("held 500", "tests.integration.deployment.dying_holder", shared_url)
    assert count(engine, where=HELD) == 500
    assert hold(engine, clock) == 300
    assert count(engine, where=HELD) == 800


@pytest.mark.parametrize("taken", [True, False])
def test_a_set_whose_commit_lost_its_answer_is_held_once(
    engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch, *, taken: bool
) -> None:
    """The statement runs again and finds nothing left to change if MySQL took it the first time."""
    restored(engine, clock)
    lose_next_commit(monkeypatch, taken=taken)
    hold(engine, clock)
    assert count(engine, where=HELD) == 3


def test_a_row_that_somebody_closed_meanwhile_is_not_held(engine: Engine, clock: Clock) -> None:
    """The write states what it expects, and says how many rows it found so."""
    ids = restored(engine, clock)
    store = HeldRecords(engine=engine)
    assert store.open_before(clock(), limit=10) == list(ids)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE notification_records SET status = 'sent', next_retry_at = NULL LIMIT 1")
    assert store.hold(ids, before=clock(), now=clock()) == 2
    assert row(engine, ids[0]).status == "sent"


def test_when_the_time_is_up_it_says_how_far_it_came(engine: Engine, clock: Clock) -> None:
    """Nothing is begun that Lambda would cut off."""
    restored(engine, clock)
    with pytest.raises(TimeoutError, match="0 records are held, and others are still open; run it again"):
        holder(engine, clock).hold(before=clock(), until=clock())
    hold(engine, clock)
    with pytest.raises(TimeoutError, match="0 records are due again, and others are still held; run it again"):
        holder(engine, clock).release(until=clock())


def test_looking_for_open_records_reads_no_final_one(engine: Engine, clock: Clock) -> None:
    """It scans the part of claim's index that is not NULL."""
    add_rows(engine, 2_000, now=clock(), status="sent", next_retry_at=None)
    add_rows(engine, 50, now=clock(), next_retry_at=clock())
    known = {"before": to_stored(clock()), "open": ("pending",), "limit": 500}
    with engine.connect() as connection:
        connection.exec_driver_sql("SET SESSION explain_json_format_version = 1")
        shown = connection.exec_driver_sql(f"EXPLAIN FORMAT=JSON {held._FIND_OPEN}", known).scalar_one()
    table = json.loads(shown)["query_block"]["ordering_operation"]["table"]
    assert (table["key"], table["access_type"]) == (DUE_INDEX, "range")
