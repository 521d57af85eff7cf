"""Redrive: final records come due again, each once, at a pace that leaves room for what is new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, event, text

from delivery.domain.operating import Action, Done, Place, RecordFilter, Redriven, RedriveTerms
from delivery.domain.outcome import ErrorCode
from delivery.domain.record import Status
from delivery.operate import Redriver
from delivery.storage.mysql.database import to_stored
from delivery.storage.operating.audited import Audit
from delivery.storage.operating.redriving import Redrives
from tests.integration.clock import Clock
from tests.integration.notifications import add_row, add_rows, count, row, rows
from tests.integration.operators import audited, redriver
from tests.integration.sending import PointerList, claim_all
from tests.integration.threads import at_once

HOUR = timedelta(hours=1)
ALL = RecordFilter()


@pytest.fixture
def small_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delivery.operate._REDRIVE_SET", 10)


class DyingBetweenSets(Redrives):
    """The process dies once the first set is done: whoever asked is told nothing."""

    def redrive_set(
        self, wanted: RecordFilter, terms: RedriveTerms, action: Action, *, after: Place | None, size: int
    ) -> Done:
        if after:
            raise KeyboardInterrupt
        return super().redrive_set(wanted, terms, action, after=after, size=size)


def dead(engine: Engine, clock: Clock, number: int, **columns: object) -> list[int]:
    made = {"status": "dead", "last_error_code": "network_error", "attempt_count": 5, **columns}
    return add_rows(engine, number, now=clock(), **made)


def run(one: Redriver, wanted: RecordFilter = ALL, *, per_second: int = 100, begin: Redriven | None = None) -> Redriven:
    return one.run(wanted, actor="ann", per_second=per_second, until=one.now() + HOUR, begin=begin)


def test_a_redriven_record_gets_a_fresh_budget_and_is_claimed(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """What was sent stays sent; the audit says who did what to how many."""
    [used_up] = dead(engine, clock, 1)
    sent = add_row(engine, now=clock(), status="sent", attempt_count=1)
    done = run(redriver(engine, clock), RecordFilter(user_id=7))
    assert (done.changed, done.next) == (1, None)
    now_due = row(engine, used_up)
    assert (now_due.status, now_due.attempt_count, now_due.max_attempts) == ("failed", 5, 10)
    assert row(engine, sent).status == "sent"
    clock.move(seconds=1)
    assert [pointer.record_id for pointer in claim_all(engine, clock, queue)] == [used_up]
    [line] = Audit(engine=engine).page().rows
    assert (line["actor"], line["action"], line["filter"], line["count"]) == ("ann", "redrive", {"user_id": 7}, 1)
    assert line["at"] == clock() - timedelta(seconds=1)


@pytest.mark.parametrize("status", [Status.PENDING, Status.SENDING, Status.FAILED, Status.SENT])
def test_what_has_not_ended_is_never_redriven(status: Status, engine: Engine, clock: Clock) -> None:
    """Not even if it is asked for by its state or its id."""
    before = row(engine, add_row(engine, now=clock(), status=status, next_retry_at=clock()))
    assert run(redriver(engine, clock), RecordFilter(statuses=frozenset({status}))).changed == 0
    assert redriver(engine, clock).some([before.id], actor="ann") == 0
    assert row(engine, before.id) == before


@pytest.mark.parametrize(
    "wanted",
    [
        ALL,
        RecordFilter(statuses=frozenset({Status.SKIPPED, Status.SENT})),
        RecordFilter(code="network_error"),
        RecordFilter(code="never"),
        RecordFilter(user_id=8),
        RecordFilter(trigger_type="rare", statuses=frozenset({Status.DEAD})),
    ],
)
@pytest.mark.usefixtures("small_sets")
def test_a_dry_run_counts_what_the_run_changes(wanted: RecordFilter, engine: Engine, clock: Clock) -> None:
    """It changes nothing itself and leaves no line in the audit; a run after the run finds nothing more."""
    for user_id, kind in ((7, "kind"), (8, "rare")):
        dead(engine, clock, 13, user_id=user_id, trigger_type=kind)
        dead(engine, clock, 4, user_id=user_id, trigger_type=kind, last_error_code=None)
        add_rows(engine, 11, now=clock(), status="skipped", user_id=user_id, last_error_code="recipient_missing")
        add_rows(engine, 2, now=clock(), status="sent", user_id=user_id)
    one, before = redriver(engine, clock), rows(engine)
    counted = one.run(wanted, actor="ann", per_second=10, until=clock() + HOUR, dry_run=True)
    assert (rows(engine), audited(engine)) == (before, [])
    assert run(one, wanted, per_second=10) == counted
    assert run(one, wanted).changed == 0
    assert count(engine, where="status = 'failed'") == counted.changed


def test_an_action_that_changes_nothing_leaves_a_line_too(engine: Engine, clock: Clock) -> None:
    """The audit says who asked."""
    run(redriver(engine, clock))
    redriver(engine, clock).some([1], actor="bob")
    assert audited(engine) == [("bob", "redrive", 0), ("ann", "redrive", 0)]


def test_the_line_and_what_it_tells_of_are_one_transaction(engine: Engine, clock: Clock) -> None:
    """Dying before the line is written leaves the records as they were."""

    def die(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "INSERT INTO notification_audit" in statement:
            raise KeyboardInterrupt

    ids = dead(engine, clock, 3)
    event.listen(engine, "before_cursor_execute", die)
    for ask in (lambda: run(redriver(engine, clock)), lambda: redriver(engine, clock).some(ids, actor="ann")):
        with pytest.raises(KeyboardInterrupt):
            ask()
    event.remove(engine, "before_cursor_execute", die)
    assert (count(engine, where="status = 'dead'"), audited(engine)) == (3, [])


@pytest.mark.parametrize("wanted", [ALL, RecordFilter(user_id=7), RecordFilter(statuses=frozenset({Status.DEAD}))])
def test_what_is_held_after_a_restore_is_redriven_only_by_its_code(
    wanted: RecordFilter, engine: Engine, clock: Clock
) -> None:
    """It may have been sent since the backup: whoever redrives everything does not mean it."""
    [held] = dead(engine, clock, 1, last_error_code=ErrorCode.HELD)
    dead(engine, clock, 1, last_error_code=None)
    assert run(redriver(engine, clock), wanted).changed == 1
    assert row(engine, held).status == "dead"
    assert run(redriver(engine, clock), replace(wanted, code=ErrorCode.HELD)).changed == 1
    assert row(engine, held).status == "failed"


@pytest.mark.usefixtures("small_sets")
def test_a_redrive_that_died_between_sets_is_finished_by_asking_again(engine: Engine, clock: Clock) -> None:
    """From the beginning, as whoever asked knows of no place; each record has one fresh budget."""
    dead(engine, clock, 25)
    with pytest.raises(KeyboardInterrupt):
        run(redriver(engine, clock, store=DyingBetweenSets(engine=engine)))
    assert count(engine, where="status = 'failed'") == 10
    assert run(redriver(engine, clock)).changed == 15
    assert count(engine, where="status = 'failed' AND max_attempts = 10") == 25
    assert sum(number for _, _, number in audited(engine)) == 25


@pytest.mark.usefixtures("small_sets")
def test_a_redrive_out_of_time_goes_on_where_it_ended(engine: Engine, clock: Clock) -> None:
    """At its pace: what comes later is due later."""
    dead(engine, clock, 25)
    one, answers, begin = redriver(engine, clock), 0, None
    while True:
        done = one.run(ALL, actor="ann", per_second=5, until=clock(), begin=begin)
        answers += 1
        if not done.next:
            break
        begin = Redriven(due_at=done.due_at, next=done.next)
    due = [record.next_retry_at for record in rows(engine)]
    assert answers == 3
    assert due == [to_stored(clock() + timedelta(seconds=number / 5)) for number in range(1, 26)]


def test_what_is_new_is_not_held_up(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """A claim leases in the order of due times, and the redriven ones come due at the pace that was asked for."""
    redriven = dead(engine, clock, 200)
    assert run(redriver(engine, clock), per_second=10).due_at == clock() + timedelta(seconds=20)
    new = add_row(engine, now=clock(), next_retry_at=clock() + timedelta(milliseconds=550))
    clock.move(seconds=2)
    leased = [pointer.record_id for pointer in claim_all(engine, clock, queue)]
    assert leased == [*redriven[:5], new, *redriven[5:20]]


def test_two_operators_redrive_the_same_filter_each_record_once(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """Together they count each record once, and each has one fresh budget."""
    dead(engine, clock, 3_000)

    def work() -> int:
        one = redriver(another_engine(), clock)
        return sum(run(one, per_second=1_000).changed for _ in range(3))  # what the other had locked is left out

    assert sum(at_once([work, work])) == 3_000
    assert count(engine, where="max_attempts = 10 AND status = 'failed'") == 3_000
    assert sum(number for _, _, number in audited(engine)) == 3_000


def test_two_operators_redrive_the_same_ids_each_record_once(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """In whatever order they name them, and however often."""
    ids = dead(engine, clock, 500)
    orders = (ids, [*reversed(ids), *ids])

    def work(order: list[int]) -> Callable[[], int]:
        one = redriver(another_engine(), clock)
        return lambda: sum(one.some(order, actor="ann") for _ in range(3))

    assert sum(at_once([work(order) for order in orders])) == 500
    assert count(engine, where="max_attempts = 10 AND status = 'failed'") == 500


def test_records_that_are_held_are_left_to_whoever_holds_them(engine: Engine, clock: Clock) -> None:
    """A redrive waits for nobody."""
    first, second = dead(engine, clock, 2)
    with engine.connect() as holder, holder.begin():
        holder.execute(text("SELECT id FROM notification_records WHERE id = :id FOR UPDATE"), {"id": first})
        assert run(redriver(engine, clock)).changed == 1
    assert (row(engine, first).status, row(engine, second).status) == ("dead", "failed")


def test_ids_are_due_at_once_and_a_dry_run_counts_them(engine: Engine, clock: Clock) -> None:
    """Those that there are, and that have ended."""
    ids = [*dead(engine, clock, 2), add_row(engine, now=clock(), status="sent"), 10**9]
    one = redriver(engine, clock)
    assert (one.some(ids, actor="ann", dry_run=True), count(engine, where="status = 'dead'")) == (2, 2)
    assert (one.some(ids, actor="ann"), one.some(ids, actor="ann")) == (2, 0)
    due: datetime = to_stored(clock())
    assert [record.next_retry_at for record in rows(engine)][:2] == [due, due]
