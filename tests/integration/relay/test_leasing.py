"""Which outbox rows a relay takes, which it sets aside for an older one of their key, and what it may mark."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from delivery.domain.relaying import Fate, Leased, Mark
from delivery.storage.mysql.database import to_stored
from delivery.storage.outbox.consuming import mark_consumed
from delivery.storage.outbox.leasing import DUE, DUE_INDEX, OLDEST_OUTSIDE, ORDER_INDEX
from delivery.storage.outbox.relayed import Outbox
from tests.integration.clock import Clock
from tests.integration.counting import counted
from tests.integration.faulty_commits import lose_next_commit
from tests.integration.relay.outbox_rows import TABLE, add, set_columns, states

LEASE = timedelta(seconds=60)
SECOND = timedelta(seconds=1)
CONSUMED_ROWS = 20_000

_FILL = text(f"""
INSERT INTO {TABLE} (event_type, service_name, topic, message_key, payload, status, created_at, updated_at)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows)
SELECT /*+ SET_VAR(cte_max_recursion_depth = 1000000) */ 't', 's', 't', CONCAT(n % 300), '{{}}', 'consumed',
    :now, :now FROM numbers""")


def lease(engine: Engine, clock: Clock, *, limit: int = 500) -> Leased:
    return Outbox(engine=engine).lease_due(limit=limit, now=clock(), lease=LEASE)


def ids(leased: Leased) -> list[int]:
    return [row.id for row in leased.rows]


def publish(engine: Engine, clock: Clock, leased: Leased) -> int:
    marks = [Mark(row_id=row.id, fate=Fate.PUBLISHED, retry_count=row.retry_count) for row in leased.rows]
    return Outbox(engine=engine).mark(marks, leased_until=leased.until, now=clock())


def due_at(engine: Engine, row_id: int) -> datetime | None:
    found: datetime | None = states(engine)[row_id].next_retry_at
    return found


def test_due_rows_are_taken_oldest_first_and_leased(engine: Engine, clock: Clock) -> None:
    """Those of another state, or of a later time, are not."""
    late = add(engine, clock(), ["1"], next_retry_at=clock() - SECOND)
    now = add(engine, clock(), ["2", "3"])
    add(engine, clock(), ["4"], next_retry_at=clock() + SECOND)
    for number, status in enumerate(("published", "consumed", "dead")):
        add(engine, clock(), [f"other-{number}"], status=status)
    set_columns(engine, now, next_retry_at=clock() - 2 * SECOND)
    leased = lease(engine, clock)
    assert ids(leased) == [*now, *late]
    assert leased.until == clock() + LEASE
    assert {due_at(engine, row_id) for row_id in ids(leased)} == {to_stored(leased.until)}
    assert lease(engine, clock).taken == 0


def test_a_row_whose_producer_gave_no_time_is_due(engine: Engine, clock: Clock) -> None:
    """The column may be NULL, and an event must not wait for ever."""
    [row_id] = add(engine, clock(), ["1"], next_retry_at=None)
    assert ids(lease(engine, clock)) == [row_id]


def test_a_relay_that_died_gives_its_rows_back_when_its_lease_ends(engine: Engine, clock: Clock) -> None:
    add(engine, clock(), ["1", "2"])
    first = lease(engine, clock)
    clock.wait(LEASE - SECOND)
    assert lease(engine, clock).taken == 0
    clock.wait(SECOND)
    assert ids(lease(engine, clock)) == ids(first)


def test_rows_that_another_transaction_has_locked_are_passed_over(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """Ingest marks one, or another relay leases it: nobody waits."""
    first, second = add(engine, clock(), ["1", "2"])
    with another_engine().begin() as ingest:
        mark_consumed(ingest, [first], to_stored(clock()))
        assert ids(lease(engine, clock)) == [second]


def test_a_row_waits_while_an_older_one_of_its_key_is_another_relay_s(engine: Engine, clock: Clock) -> None:
    """For a second, and then a second more; it goes as soon as the older one is published."""
    add(engine, clock(), ["a"])
    first = lease(engine, clock)
    [behind, other] = add(engine, clock(), ["a", "b"])
    second = lease(engine, clock)
    assert (ids(second), second.blocked, second.taken) == ([other], 1, 2)
    assert due_at(engine, behind) == to_stored(clock() + SECOND)
    clock.wait(SECOND)
    assert lease(engine, clock).blocked == 1
    publish(engine, clock, first)
    clock.wait(SECOND)
    assert ids(lease(engine, clock)) == [behind]


def test_a_row_waits_for_the_retry_of_an_older_one_of_its_key(engine: Engine, clock: Clock) -> None:
    """As long as that one does, so that it is not looked at each second meanwhile."""
    retry_at = clock() + timedelta(seconds=49)
    add(engine, clock(), ["a"], retry_count=7, next_retry_at=retry_at)
    [behind] = add(engine, clock(), ["a"])
    assert lease(engine, clock).blocked == 1
    assert due_at(engine, behind) == to_stored(retry_at)
    clock.wait(timedelta(seconds=49))
    assert [row.message_key for row in lease(engine, clock).rows] == ["a", "a"]


def test_a_row_is_never_looked_at_again_at_once(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """The retry that it waits for is due but locked: the claim would find it again and again, and nothing else."""
    [first] = add(engine, clock(), ["a"], retry_count=1, next_retry_at=clock() - SECOND)
    [behind] = add(engine, clock(), ["a"])
    with another_engine().begin() as ingest:
        mark_consumed(ingest, [first], to_stored(clock()))
        assert lease(engine, clock).blocked == 1
    assert due_at(engine, behind) == to_stored(clock() + SECOND)


@pytest.mark.parametrize("status", ["published", "consumed", "dead"])
def test_an_older_row_that_is_done_holds_up_nobody(engine: Engine, clock: Clock, status: str) -> None:
    add(engine, clock(), ["a"], status=status)
    [row_id] = add(engine, clock(), ["a"])
    assert ids(lease(engine, clock)) == [row_id]


def test_keys_compare_byte_for_byte_and_within_their_topic(engine: Engine, clock: Clock) -> None:
    """Kafka takes A and a for two keys; rows without a key have no order."""
    add(engine, clock(), ["a", ""], next_retry_at=clock() + SECOND)
    rows = add(engine, clock(), ["A", "ä", ""])
    rows += add(engine, clock(), ["a"], topic="other")
    assert ids(lease(engine, clock)) == rows


def test_a_set_takes_the_older_rows_of_a_key_and_not_the_newer_ones(engine: Engine, clock: Clock) -> None:
    """A producer whose clock is behind wrote the newest row; two older ones have yet to come due."""
    one, two, three, four = add(engine, clock(), ["a"] * 4)
    set_columns(engine, [four], next_retry_at=clock() - SECOND)
    set_columns(engine, [two, three], next_retry_at=clock() + SECOND)
    leased = lease(engine, clock)
    assert (ids(leased), leased.blocked) == ([one], 1)
    publish(engine, clock, leased)
    clock.wait(SECOND)
    assert sorted(ids(lease(engine, clock))) == [two, three, four]


def test_two_relays_at_once_share_the_rows_of_many_keys(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """No row is taken twice, and none is left."""
    add(engine, clock(), [str(number) for number in range(40)])
    taken = [ids(lease(it, clock, limit=10)) for it in (engine, another_engine()) for _ in range(2)]
    assert sorted(row_id for some in taken for row_id in some) == sorted(states(engine))


def test_thousands_of_waiting_rows_of_one_key_do_not_starve_the_others(engine: Engine, clock: Clock) -> None:
    """Each claim moves those that it finds out of the way, behind what is due by then."""
    add(engine, clock() - SECOND, ["a"], retry_count=1, next_retry_at=clock() + timedelta(hours=1))
    add(engine, clock() - SECOND, ["a"] * 1_000)
    [other] = add(engine, clock(), ["b"])
    leased = [lease(engine, clock) for _ in range(3)]
    assert [one.blocked for one in leased] == [500, 500, 0]
    assert ids(leased[2]) == [other]
    clock.wait(timedelta(minutes=1))
    set_columns(engine, [other], status="published")
    assert lease(engine, clock).taken == 0


def resize(engine: Engine, row_id: int, size: int) -> None:
    """Gives the row a payload of so many bytes, as MySQL stores it."""
    letters = "JSON_OBJECT('payload', JSON_OBJECT('text', REPEAT('x', %s)))"
    with engine.begin() as connection:
        stored = connection.exec_driver_sql(f"SELECT JSON_STORAGE_SIZE({letters})", (size - 100,)).scalar_one()
        values = (2 * size - 100 - stored, row_id)
        connection.exec_driver_sql(f"UPDATE {TABLE} SET payload = {letters} WHERE id = %s", values)


def test_a_set_of_large_rows_is_shorter(engine: Engine, clock: Clock) -> None:
    """Five hundred of them would not fit in the function's memory. One that is larger than a set goes alone."""
    sizes = [2**23, 2**23, 2**23, 2**23 + 1, 2**24 + 1]
    for row_id, size in zip(add(engine, clock(), list("abcde")), sizes, strict=True):
        resize(engine, row_id, size)
    sets = [lease(engine, clock) for _ in range(5)]
    assert [ids(leased) for leased in sets] == [[1, 2], [3], [4], [5], []]
    assert [leased.left for leased in sets] == [3, 2, 1, 0, 0]


@pytest.mark.parametrize(("size", "statements"), [(4_096, 2), (4_097, 3)])
def test_a_large_payload_is_read_when_it_is_known_to_be_in_the_set(
    engine: Engine, clock: Clock, size: int, statements: int
) -> None:
    """Others are read with their rows, which costs no statement. Either is read whole."""
    [row_id] = add(engine, clock(), [""])
    resize(engine, row_id, size)
    with counted(engine) as counts:
        [row] = lease(engine, clock).rows
    assert counts["statements"] == statements
    assert size - 100 < row.payload.count("x") < size


def test_a_late_relay_overwrites_neither_consumed_nor_dead(engine: Engine, clock: Clock) -> None:
    """Ingest was quicker than the mark: what it wrote stands, and the relay is told that it was late."""
    consumed, dead, own = add(engine, clock(), ["1", "2", "3"])
    leased = lease(engine, clock)
    set_columns(engine, [consumed], status="consumed", next_retry_at=None)
    set_columns(engine, [dead], status="dead", next_retry_at=None, last_error="payload_invalid: …")
    assert publish(engine, clock, leased) == 1
    found = states(engine)
    assert [found[it].status for it in (consumed, dead, own)] == ["consumed", "dead", "published"]
    assert (found[dead].last_error, found[dead].published_at) == ("payload_invalid: …", None)
    assert (found[own].published_at, found[own].next_retry_at) == (to_stored(clock()), None)


@pytest.mark.parametrize("fate", [Fate.REFUSED, Fate.DELAYED, Fate.UNTRIED, Fate.DEAD])
def test_a_relay_whose_lease_has_ended_marks_nothing_but_what_kafka_has(
    engine: Engine, clock: Clock, fate: Fate
) -> None:
    """The row is in another relay's hands: a refusal of before is counted by nobody."""
    [row_id] = add(engine, clock(), ["1"])
    first = lease(engine, clock)
    clock.wait(LEASE)
    lease(engine, clock)
    mark = Mark(row_id=row_id, fate=fate, retry_count=1, due_at=clock() + SECOND, error="refused")
    assert Outbox(engine=engine).mark([mark], leased_until=first.until, now=clock()) == 0
    found = states(engine)[row_id]
    assert (found.status, found.retry_count, found.last_error) == ("pending", 0, None)
    assert publish(engine, clock, first) == 1


def test_what_another_finished_with_its_time_unchanged_is_left_alone(engine: Engine, clock: Clock) -> None:
    """Whoever repairs rows by hand may forget the time. A finished row never comes back."""
    [row_id] = add(engine, clock(), ["1"])
    leased = lease(engine, clock)
    set_columns(engine, [row_id], status="consumed")
    mark = Mark(row_id=row_id, fate=Fate.REFUSED, retry_count=1, due_at=clock() + SECOND, error="refused")
    assert Outbox(engine=engine).mark([mark], leased_until=leased.until, now=clock()) == 0
    assert (states(engine)[row_id].status, states(engine)[row_id].retry_count) == ("consumed", 0)


@pytest.mark.parametrize("taken", [True, False])
def test_marks_whose_answer_was_lost_are_written_again(
    engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch, *, taken: bool
) -> None:
    """Otherwise what Kafka has would be published once more when the lease ends."""
    [row_id] = add(engine, clock(), ["1"])
    leased = lease(engine, clock)
    lose_next_commit(monkeypatch, taken=taken)
    publish(engine, clock, leased)
    assert states(engine)[row_id].status == "published"


def test_marks_of_all_kinds_are_written_in_one_transaction(engine: Engine, clock: Clock) -> None:
    """What was not tried keeps the error of before; an error of any length fits."""
    rows = add(engine, clock(), [str(number) for number in range(5)], last_error="before")
    leased, later = lease(engine, clock), clock() + SECOND
    marks = [
        Mark(row_id=rows[4], fate=Fate.UNTRIED, retry_count=0, due_at=later),
        Mark(row_id=rows[3], fate=Fate.DEAD, retry_count=20, error="鸿" * 30_000),
        Mark(row_id=rows[2], fate=Fate.DELAYED, retry_count=0, due_at=later, error="away"),
        Mark(row_id=rows[1], fate=Fate.REFUSED, retry_count=1, due_at=later, error="too large"),
        Mark(row_id=rows[0], fate=Fate.PUBLISHED, retry_count=0),
    ]
    with counted(engine) as counters:
        assert Outbox(engine=engine).mark(marks, leased_until=leased.until, now=clock()) == 5
    assert (counters["statements"], counters["commits"]) == (2, 1)
    found = states(engine)
    assert [(found[it].status, found[it].retry_count, found[it].next_retry_at) for it in rows] == [
        ("published", 0, None),
        ("pending", 1, to_stored(later)),
        ("pending", 0, to_stored(later)),
        ("dead", 20, None),
        ("pending", 0, to_stored(later)),
    ]
    errors = [found[it].last_error for it in rows]
    assert (errors[:3], errors[3][:2], errors[4]) == ([None, "too large", "away"], "鸿鸿", "before")


def test_the_oldest_row_that_is_not_published_is_known(engine: Engine, clock: Clock) -> None:
    """Also while it waits for a retry; nothing else counts."""
    store = Outbox(engine=engine)
    assert store.oldest_pending_at() is None
    add(engine, clock() - timedelta(hours=2), ["1"], status="consumed")
    add(engine, clock() - timedelta(hours=1), ["2"], next_retry_at=clock() + SECOND)
    add(engine, clock(), ["3"])
    assert store.oldest_pending_at() == clock() - timedelta(hours=1)


@pytest.fixture
def mostly_consumed(fresh_engine: Engine, clock: Clock) -> Engine:
    """A table of consumed rows of 300 keys, with 300 due among them and 300 not yet due."""
    with fresh_engine.begin() as connection:
        connection.execute(_FILL, {"rows": CONSUMED_ROWS, "now": to_stored(clock())})
        connection.exec_driver_sql(f"ANALYZE TABLE {TABLE}")
    keys = [str(number) for number in range(300)]
    add(fresh_engine, clock(), keys)
    add(fresh_engine, clock(), keys, next_retry_at=clock() + timedelta(hours=1))
    return fresh_engine


def test_a_claim_reads_what_is_due_and_no_consumed_row(mostly_consumed: Engine, clock: Clock) -> None:
    """Neither when it finds 300 due, with 300 newer ones of their keys, nor when it finds nothing."""
    with counted(mostly_consumed) as busy:
        assert len(lease(mostly_consumed, clock).rows) == 300
    with counted(mostly_consumed) as idle:
        assert lease(mostly_consumed, clock).taken == 0
        assert Outbox(engine=mostly_consumed).oldest_pending_at() is not None
    # Due and fetched, a row of its key, the key's rows up to the first outside, what was found of it, updated.
    assert busy["rows_read"] < 7 * 300 + 20
    assert (busy["statements"], busy["commits"]) == (3, 1)
    assert idle["rows_read"] < 610  # the pending ones, of which the oldest is sought


def test_a_set_is_leased_and_marked_without_a_look_at_other_rows(fresh_engine: Engine, clock: Clock) -> None:
    """A scan of a small table would lock each of them for a moment, and another relay would pass it over."""
    add(fresh_engine, clock(), [""] * 50)
    add(fresh_engine, clock(), [""] * 50, next_retry_at=clock() + SECOND)
    with counted(fresh_engine) as counts:
        assert publish(fresh_engine, clock, lease(fresh_engine, clock)) == 50
    assert counts["Handler_read_first"] == 0


def explained(engine: Engine, statement: str, values: dict[str, Any]) -> dict[str, Any]:
    with engine.connect() as connection:
        connection.exec_driver_sql("SET SESSION explain_json_format_version = 1")
        shown = connection.exec_driver_sql(f"EXPLAIN FORMAT=JSON {statement}", values).scalar_one()
    block: dict[str, Any] = json.loads(shown)["query_block"]
    return block


def test_each_statement_scans_a_range_of_one_index(mostly_consumed: Engine, clock: Clock) -> None:
    """Due rows in order, so that nothing is sorted; older rows of a key by the key."""
    due = DUE.text.replace(":now", "%(now)s").replace(":limit", "500")
    ordering = explained(mostly_consumed, due, {"now": to_stored(clock())})["ordering_operation"]
    assert (ordering["table"]["key"], ordering["table"]["access_type"]) == (DUE_INDEX, "range")
    assert ordering["using_filesort"] is False
    plan = explained(mostly_consumed, OLDEST_OUTSIDE, {"set": [20_001, 20_002], "one_of_each_key": [20_001, 20_002]})
    mine, other = plan["nested_loop"]
    assert mine["table"]["key"] == "PRIMARY"
    inner = other["table"]["materialized_from_subquery"]["query_block"]["ordering_operation"]
    assert (inner["table"]["key"], inner["using_filesort"]) == (ORDER_INDEX, False)
