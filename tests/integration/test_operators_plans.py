"""What operators ask of MySQL reads ranges of indexes alone, whatever the filter and however far behind the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from delivery.domain.contract import RejectCode
from delivery.domain.intake import Reject
from delivery.domain.operating import Place, RecordFilter, RejectFilter
from delivery.domain.record import Status
from delivery.storage.mysql.database import to_stored
from delivery.storage.operating import audited, counting, rejected, searching
from delivery.storage.operating.pages import Listing
from delivery.storage.rejects import insert_rejects
from tests.integration.clock import Clock
from tests.integration.notifications import add_rows, kafka

HOUR = timedelta(hours=1)
STATE, USER = "ix_notification_records_state", "ix_notification_records_user"
PREVIEW, TRIGGER = "ix_notification_records_preview", "ix_notification_records_trigger"
DEAD = frozenset({Status.DEAD})


@pytest.fixture
def filled(fresh_engine: Engine, clock: Clock) -> Iterator[Connection]:
    """Two thousand records, fifty in each of their milliseconds, and a thousand rejects in one."""
    for age in range(40):
        made = {"status": "dead" if age % 2 else "sent", "last_error_code": "network_error" if age % 2 else None}
        add_rows(fresh_engine, 50, now=clock(), created_at=clock() - age * HOUR, **made)
    with fresh_engine.begin() as connection:
        for code in (RejectCode.ENVELOPE_INVALID, RejectCode.PAYLOAD_INVALID):
            rejects = [Reject(source=kafka(f"{code}".encode(), offset=n), code=code, reason="why") for n in range(500)]
            insert_rejects(connection, rejects, to_stored(clock()))
        connection.exec_driver_sql("ANALYZE TABLE notification_records, notification_rejects")
        yield connection


def steps(connection: Connection, statement: str, parameters: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    rows = connection.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {statement}", dict(parameters))
    return [dict(row) for row in rows.mappings() if row["select_type"] != "UNION RESULT" and row["table"] == "r"]


def check(connection: Connection, listing: Listing, index: str, place: Place, *, oldest_first: bool) -> None:
    """Each branch is a range of the index alone, in its order, and reads no more of it than the page needs."""
    at = {"at": to_stored(place.created_at), "id": place.id, "limit": 51}
    statement = listing.statement(oldest_first=oldest_first)
    branches = steps(connection, statement, {**listing.parameters, **at})
    assert len(branches) == len(listing.branches) > 0
    for step in branches:
        assert (step["key"], "filesort" in step["Extra"]) == (index, False), step
        assert "Using index" in step["Extra"], step
    before = _handler_reads(connection)
    connection.exec_driver_sql(statement, {**listing.parameters, **at}).all()
    read = _handler_reads(connection) - before
    # What a branch reads, and what the union reads again of its temporary table.
    assert read <= len(branches) * 2 * 52 + 60, (read, statement)


def _handler_reads(connection: Connection) -> int:
    """Rows read through index or table, in the session."""
    names = {f"Handler_read_{what}" for what in ("first", "last", "key", "next", "prev", "rnd", "rnd_next")}
    rows = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_read%%'").all()
    return sum(int(value) for name, value in rows if name in names)


@pytest.mark.parametrize("oldest_first", [False, True], ids=["newest first", "oldest first"])
@pytest.mark.parametrize(
    ("wanted", "index", "looked_up"),
    [
        (RecordFilter(), STATE, 0),
        (RecordFilter(statuses=DEAD), STATE, 0),
        (RecordFilter(code="network_error"), STATE, 0),
        (RecordFilter(statuses=DEAD, code="network_error"), STATE, 0),
        (RecordFilter(trigger_type="kind"), STATE, 1),
        (RecordFilter(way="feishu_bot"), STATE, 1),
        (RecordFilter(user_id=7), USER, 0),
        (RecordFilter(user_id=7, statuses=DEAD, code="network_error"), USER, 2),
        (RecordFilter(preview_id="preview"), PREVIEW, 0),
        (RecordFilter(preview_id="preview", user_id=7), PREVIEW, 1),
        (RecordFilter(trigger_id="trigger"), TRIGGER, 0),
        (RecordFilter(trigger_id="trigger", trigger_type="kind", way="feishu_bot"), TRIGGER, 2),
    ],
)
def test_a_page_of_records_is_a_range_of_an_index(
    wanted: RecordFilter, index: str, looked_up: int, *, oldest_first: bool, filled: Connection, clock: Clock
) -> None:
    """The first page as one far behind; what the index does not know is looked up afterwards, in so many rows."""
    listing = searching.listing(filled, wanted)
    assert len(listing.rest) == looked_up
    for age in (-1, 20, 37):
        check(filled, listing, index, Place(clock() - age * HOUR, 900), oldest_first=oldest_first)


@pytest.mark.parametrize(
    "wanted", [RecordFilter(user_id=7), RecordFilter(statuses=DEAD), RecordFilter(preview_id="preview")]
)
def test_a_stretch_of_time_is_part_of_the_range(wanted: RecordFilter, filled: Connection, clock: Clock) -> None:
    """Nothing outside of it is read, wherever it lies."""
    within = replace(wanted, created_from=clock() - 25 * HOUR, created_before=clock() - 20 * HOUR)
    listing = searching.listing(filled, within)
    assert listing.rest == []
    for age in (0, 22):
        check(filled, listing, listing.branches[0].index_name, Place(clock() - age * HOUR, 900), oldest_first=False)


def test_a_dedupe_key_is_found_by_itself(filled: Connection) -> None:
    """It is unique."""
    listing = searching.listing(filled, RecordFilter(dedupe_key="row-7"))
    assert [place.id for place in listing.first(filled, after=None, size=50).places] == [7]
    assert [branch.index_name for branch in listing.branches] == ["uk_notification_records_key"]


@pytest.mark.parametrize(
    "wanted", [RejectFilter(), RejectFilter(code="payload_invalid"), RejectFilter(topic="x")], ids=repr
)
def test_a_page_of_rejects_is_a_range_of_an_index(wanted: RejectFilter, filled: Connection, clock: Clock) -> None:
    """For each code that occurs; all of these have one time, so that only the id tells them apart."""
    listing = rejected.listing(filled, wanted)
    for place in (Place(clock() + HOUR, 1), Place(clock(), 900), Place(clock(), 300)):
        check(filled, listing, "ix_notification_rejects_code", place, oldest_first=False)


@pytest.mark.parametrize("statement", [searching.PAIRS, rejected.CODES])
def test_what_occurs_is_found_by_jumping(statement: str, filled: Connection) -> None:
    """Not by reading the index: there are few states and codes however many rows there are."""
    [step] = filled.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {statement}").mappings().all()
    assert "Using index for group-by" in step["Extra"]


def test_counts_read_the_index_of_their_time_alone(filled: Connection, clock: Clock) -> None:
    """No row of the table, and nothing that was made before or after."""
    pairs = searching.pairs_of(filled, RecordFilter())
    times = {"since": to_stored(clock() - 5 * HOUR), "before": to_stored(clock() + HOUR), "seconds": 3600}
    parameters = {**searching.pair_parameters(pairs), **times}
    before = _handler_reads(filled)
    counted = filled.exec_driver_sql(counting.counting(pairs), parameters).all()
    assert sum(row.n for row in counted) == 300
    assert _handler_reads(filled) - before <= 2 * 300 + 4 * len(counted) + 50
    plan = filled.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {counting.counting(pairs)}", parameters).mappings().all()
    ranges = [step for step in plan if step["table"] == "notification_records"]
    assert [(step["key"], "Using index" in step["Extra"]) for step in ranges] == [(STATE, True)] * 2
    [of_open] = filled.exec_driver_sql(f"EXPLAIN FORMAT=TRADITIONAL {counting.OPEN}", {"open": ["pending"]}).mappings()
    assert (of_open["key"], "Using index" in of_open["Extra"]) == (STATE, True)


def test_the_audit_is_read_backwards_from_its_place(filled: Connection) -> None:
    """By primary key."""
    [step] = filled.exec_driver_sql(
        f"EXPLAIN FORMAT=TRADITIONAL {audited.NEWEST}", {"before": 9, "limit": 51}
    ).mappings()
    assert (step["key"], "filesort" in step["Extra"]) == ("PRIMARY", False)
