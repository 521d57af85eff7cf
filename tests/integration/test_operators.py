"""What operators read and do, on real MySQL."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, insert

from delivery.domain.operating import Page, RecordFilter, RejectFilter
from delivery.domain.record import Status
from delivery.operate import Redriver, Replayer
from delivery.storage.mysql.database import to_stored
from delivery.storage.operating.audit import Audit
from delivery.storage.operating.counting import RecordCounts
from delivery.storage.operating.redriving import Redrives
from delivery.storage.operating.rejected import Rejects
from delivery.storage.operating.searching import RecordSearch
from delivery.storage.tables import attempts
from tests.integration.clock import Clock
from tests.integration.notifications import add_row, add_rows, count, event, kafka, row
from tests.integration.sending import PointerList, claim_all, ingester

HOUR = timedelta(hours=1)


def ids(page: Page) -> list[int]:
    return [shown["id"] for shown in page.rows]


def all_pages(search: RecordSearch, wanted: RecordFilter, *, size: int) -> list[list[int]]:
    pages, after = [], None
    while True:
        page = search.page(wanted, after=after, size=size)
        pages.append(ids(page))
        if not (after := page.next):
            return pages


@pytest.mark.parametrize(
    "wanted",
    [
        RecordFilter(),
        RecordFilter(statuses=frozenset({Status.DEAD, Status.SKIPPED})),
        RecordFilter(code="network_error"),
        RecordFilter(user_id=7),
        RecordFilter(user_id=7, statuses=frozenset({Status.DEAD}), code="network_error"),
        RecordFilter(trigger_type="kind"),
        RecordFilter(preview_id="preview", statuses=frozenset({Status.SENT})),
        RecordFilter(trigger_id="trigger"),
    ],
    ids=repr,
)
def test_pages_hold_each_record_once_newest_first(wanted: RecordFilter, engine: Engine, clock: Clock) -> None:
    """Whatever the filter and the size of a page, also where many records were made in one millisecond."""
    meant = []
    for age in range(4):
        for status, code in (("dead", "network_error"), ("dead", "provider_5xx"), ("skipped", "recipient_missing")):
            made = {"status": status, "last_error_code": code, "created_at": clock() - age * HOUR}
            meant += [(age, one, status, code) for one in add_rows(engine, 3, now=clock(), **made)]
        sent = add_rows(engine, 3, now=clock(), status="sent", created_at=clock() - age * HOUR)
        meant += [(age, one, "sent", None) for one in sent]
        add_row(engine, now=clock(), user_id=8, trigger_type="x", preview_id="x", trigger_id="x", status="sending")
    expected = [
        one
        for age, one, status, code in sorted(meant, key=lambda made: (made[0], -made[1]))
        if (not wanted.statuses or status in wanted.statuses) and wanted.code in (None, code)
    ]
    search = RecordSearch(engine=engine)
    for size in (1, 5, 100):
        pages = all_pages(search, wanted, size=size)
        listed = [one for page in pages for one in page if row(engine, one).user_id == 7]
        assert listed == expected
        assert all(len(page) == size for page in pages[:-1])


def test_a_stretch_of_time_begins_with_its_first_moment_and_ends_before_its_last(engine: Engine, clock: Clock) -> None:
    """In lists as in counts."""
    moments = [clock() + number * HOUR for number in range(4)]
    made = [add_row(engine, now=clock(), status="sent", created_at=moment) for moment in moments]
    within = RecordFilter(created_from=moments[1], created_before=moments[3])
    assert ids(RecordSearch(engine=engine).page(within)) == [made[2], made[1]]
    counts = RecordCounts(engine=engine).over_time(since=moments[1], before=moments[3], stretch=HOUR)
    assert sum(counted.number for counted in counts) == 2


def test_a_record_is_shown_with_its_attempts(engine: Engine, clock: Clock) -> None:
    """In order; by the way of one of them it is found, too."""
    record_id = add_row(engine, now=clock(), status="dead", last_error_code="network_error")
    with engine.begin() as connection:
        for number in (2, 1):
            line = {"record_id": record_id, "attempt": number, "outcome": "temporary", "way": "feishu_webhook"}
            connection.execute(insert(attempts), {**line, "started_at": clock().replace(tzinfo=None)})
    search = RecordSearch(engine=engine)
    found = search.record(record_id)
    assert found is not None
    record, history = found
    assert (record["id"], record["created_at"], [line["attempt"] for line in history]) == (record_id, clock(), [1, 2])
    assert search.record(0) is None
    assert ids(search.page(RecordFilter(way="feishu_webhook"))) == [record_id]
    assert ids(search.page(RecordFilter(way="feishu_bot"))) == []


def test_counts_are_by_state_code_and_hour(engine: Engine, clock: Clock) -> None:
    """Each record stands in the hour in which it was made, under what it is now."""
    for age, status, code, number in (
        (0, "sent", None, 3),
        (0, "dead", "network_error", 2),
        (5, "dead", "network_error", 1),
    ):
        add_rows(engine, number, now=clock(), status=status, last_error_code=code, created_at=clock() - age * HOUR)
    counts = RecordCounts(engine=engine)
    counted = counts.over_time(since=clock() - 24 * HOUR, before=clock() + HOUR, stretch=HOUR)
    assert {(one.status, one.code, one.number) for one in counted} == {
        (Status.DEAD, "network_error", 1),
        (Status.DEAD, "network_error", 2),
        (Status.SENT, None, 3),
    }
    assert all(one.begins_at.minute == one.begins_at.second == 0 for one in counted)
    assert counts.open_now() == {Status.FAILED: 0, Status.PENDING: 0, Status.SENDING: 0}


def redriver(engine: Engine, clock: Clock) -> Redriver:
    return Redriver(store=Redrives(engine=engine), attempts=5, now=clock)


def test_a_redriven_record_gets_a_fresh_budget_and_is_claimed(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """What was sent stays sent; the audit says who did what to how many."""
    used_up = {"attempt_count": 5, "max_attempts": 5, "last_error_code": "network_error"}
    dead = add_row(engine, now=clock(), status="dead", **used_up)
    sent = add_row(engine, now=clock(), status="sent", attempt_count=1)
    wanted = RecordFilter(user_id=7)
    done = redriver(engine, clock).run(wanted, actor="ann", per_second=100, until=clock() + HOUR)
    assert (done.changed, done.next) == (1, None)
    now_due = row(engine, dead)
    assert (now_due.status, now_due.attempt_count, now_due.max_attempts) == ("failed", 5, 10)
    assert row(engine, sent).status == "sent"
    clock.move(seconds=1)
    assert [pointer.record_id for pointer in claim_all(engine, clock, queue)] == [dead]
    [line] = Audit(engine=engine).page().rows
    assert (line["actor"], line["action"], line["filter"], line["count"]) == ("ann", "redrive", {"user_id": 7}, 1)


def test_a_dry_run_counts_and_changes_nothing(engine: Engine, clock: Clock) -> None:
    """It leaves no line in the audit, either."""
    add_rows(engine, 7, now=clock(), status="skipped", last_error_code="recipient_missing")
    done = redriver(engine, clock).run(RecordFilter(), actor="ann", per_second=100, until=clock() + HOUR, dry_run=True)
    assert (done.changed, count(engine, where="status = 'skipped'"), count(engine, "notification_audit")) == (7, 7, 0)


def test_redriven_records_come_due_one_after_the_other(engine: Engine, clock: Clock) -> None:
    """At the pace that was asked for, so that what is new is not held up."""
    add_rows(engine, 20, now=clock(), status="dead", last_error_code="network_error")
    done = redriver(engine, clock).run(RecordFilter(), actor="ann", per_second=10, until=clock() + HOUR)
    within_a_second = f"next_retry_at <= '{to_stored(clock() + timedelta(seconds=1))}'"
    assert (done.changed, count(engine, where=within_a_second)) == (20, 10)
    assert done.due_at == clock() + timedelta(seconds=2)


def test_two_operators_redrive_the_same_filter_each_record_once(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """Together they count each record once, and each has one fresh budget."""
    add_rows(engine, 3_000, now=clock(), status="dead", last_error_code="network_error", max_attempts=5)

    def run(operator: int) -> int:
        one = redriver(another_engine(), clock)
        changed = 0
        for _ in range(3):  # what the other had locked is left out
            changed += one.run(RecordFilter(), actor=f"{operator}", per_second=1_000, until=clock() + HOUR).changed
        return changed

    with ThreadPoolExecutor(2) as operators:
        assert sum(operators.map(run, range(2))) == 3_000
    assert count(engine, where="max_attempts = 5 AND status = 'failed'") == 3_000


def replayer(engine: Engine, clock: Clock, queue: PointerList, *, prefix: str = "/assistant/") -> Replayer:
    ingest = replace(ingester(engine, clock, queue), url_prefixes=(prefix,))
    return Replayer(store=Rejects(engine=engine), ingester=ingest, now=clock)


def test_a_replayed_reject_goes_ingests_own_way(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """Once the rule that it broke is another one, it becomes a record; what still breaks a rule stays."""
    value = event("new", target_url="/newsite/1")
    ingester(engine, clock, queue).run([kafka(value, offset=1, key=b"7"), kafka(b"not json", offset=2)])
    assert (count(engine, "notification_rejects"), count(engine)) == (2, 0)
    replay = replayer(engine, clock, queue, prefix="/newsite/")
    done = replay.run(RejectFilter(), actor="ann", until=clock() + HOUR)
    assert (done.accepted, list(done.still_rejected), done.next) == (1, [2], None)
    assert (count(engine), len(queue.pointers)) == (1, 1)
    assert count(engine, "notification_rejects", "replayed_at IS NOT NULL") == 1
    again = replay.run(RejectFilter(replayed=False), actor="ann", until=clock() + HOUR)
    assert (again.accepted, count(engine), count(engine, "notification_rejects")) == (0, 1, 2)
