"""What operators look up, on real MySQL."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, insert

from delivery.deployment.migrate import upgrade
from delivery.domain.operating import Page, RecordFilter
from delivery.domain.record import Status
from delivery.storage.operating.counting import RecordCounts
from delivery.storage.operating.searching import RecordSearch
from delivery.storage.tables import attempts
from tests.integration.clock import Clock
from tests.integration.migrations.go_service import STATES
from tests.integration.migrations.test_go_service_takeover import written_by_go
from tests.integration.notifications import add_row, add_rows, row, rows
from tests.integration.operating.operators import redriver

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
)
def test_pages_hold_each_record_once_newest_first(wanted: RecordFilter, engine: Engine, clock: Clock) -> None:
    """Whatever the filter and the size of a page, also where many records were made in one millisecond."""
    meant: list[tuple[int, int, str, str | None]] = []
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


def test_a_rare_combination_ends_a_page_early_and_says_where_to_go_on(
    engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page looks at so many rows at most, whatever they hold; all pages together still hold each record once."""
    monkeypatch.setattr("delivery.storage.operating.pages._LOOKED_AT", 10)
    monkeypatch.setattr("delivery.storage.operating.pages._LOOKS", 2)
    rare = []
    for number in range(6):
        add_rows(engine, 15, now=clock(), created_at=clock() - number * HOUR, status="sent")
        rare += add_rows(engine, 1, now=clock(), created_at=clock() - number * HOUR, status="sent", trigger_type="rare")
    pages = all_pages(RecordSearch(engine=engine), RecordFilter(trigger_type="rare"), size=3)
    assert [one for page in pages for one in page] == rare
    assert any(len(page) < 3 for page in pages[:-1])


def test_the_rows_of_the_go_service_are_listed(go_database: Engine, database_url: str, clock: Clock) -> None:
    """In every state that it left behind, with codes and without; what had ended there can be redriven."""
    written_by_go(go_database, clock)
    upgrade(database_url)
    search = RecordSearch(engine=go_database)
    pages = all_pages(search, RecordFilter(), size=4)
    assert sorted(one for page in pages for one in page) == list(range(1, len(STATES) + 1))
    [[dead]] = all_pages(search, RecordFilter(statuses=frozenset({Status.DEAD})), size=4)
    assert row(go_database, dead).dedupe_key == "dead"
    done = redriver(go_database, clock).run(RecordFilter(), actor="ann", per_second=10, until=clock() + HOUR)
    assert done.changed == 2
    assert {one.status for one in rows(go_database) if one.dedupe_key in ("dead", "skipped")} == {"failed"}
