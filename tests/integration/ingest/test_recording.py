"""Recording a batch: one transaction, each key once, whoever else records the same at the same time."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine

from delivery.domain.intake import Intake
from delivery.domain.record import Pointer
from delivery.storage.mysql.database import from_stored
from tests.integration.clock import Clock
from tests.integration.counting import counted
from tests.integration.notifications import add_row, add_rows, asking_for, batch, count, event, kafka, row, rows
from tests.integration.sending import HANDOFF, PointerList, ingester, recorder_store
from tests.integration.threads import at_once


@pytest.mark.parametrize("size", [1, 500, 5_000])
def test_a_batch_is_one_transaction_whatever_its_size(
    engine: Engine, clock: Clock, queue: PointerList, size: int
) -> None:
    """A crash leaves all of it or nothing; and a round trip per record would be what this design is to avoid."""
    stage, records = ingester(engine, clock, queue), batch(*(f"k{number}" for number in range(size)))
    with counted(engine) as counts:
        report = stage.run(records)
    assert report.requested == len(queue.pointers) == count(engine) == size
    assert counts["commits"] == 1
    assert counts["statements"] <= 2 + size // 1_000  # PyMySQL cuts a statement at 1 MB


def test_looking_up_ten_thousand_long_keys_reads_those_rows_only(engine: Engine, clock: Clock) -> None:
    """Too many keys in one query, and MySQL would quietly read the whole table instead."""
    add_rows(engine, 2_000, now=clock(), status="sent")
    with counted(engine) as counts:
        stored = recorder_store(engine, clock, asking_for(*(f"{n}".ljust(190, "汉") for n in range(10_000))))
    assert len(stored.pointers) == counts["rows_read"] == 10_000


def test_every_column_is_written(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """The row is the truth: what the event said is in it, and claim looks at it at the hand-off deadline."""
    given: dict[str, Any] = {
        "user_id": 2**63 - 1,
        "trigger_id": "t",
        "trigger_type": "kind",
        "target_type": "preview",
        "target_id": -5,
        "preview_id": "汉" * 64,
        "target_url": "/assistant/" + "a" * 244,
        "summary_text": "see https://elsewhere.example",
        "fallback_text": "备用 🦢",
        "trace_id": "r" * 128,
    }
    requested_at = "2026-01-31T16:00:00.123999+08:00"
    ingester(engine, clock, queue).run([kafka(event("汉" * 191, requested_at=requested_at, **given))])
    [stored] = rows(engine)
    assert {name: getattr(stored, name) for name in given} == given
    assert (stored.channel, stored.dedupe_key, stored.status) == ("feishu", "汉" * 191, "pending")
    assert (stored.attempt_count, stored.max_attempts, stored.fallback_used) == (0, 5, 1)
    assert from_stored(stored.requested_at) == datetime(2026, 1, 31, 8, 0, 0, 123_000, tzinfo=UTC)
    now = clock().replace(tzinfo=None)
    assert (stored.created_at, stored.updated_at, stored.next_retry_at) == (now, now, now + HANDOFF)


def test_a_batch_done_twice_changes_nothing(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """Lambda delivers a batch again after any error, and after some without."""
    stage = ingester(engine, clock, queue)
    records = [*batch("a", "b"), kafka(b"poison", offset=9, timestamp=1_769_846_400_000, key=b"7")]
    first = stage.run(records)
    before, rejects = rows(engine), count(engine, "notification_rejects")
    clock.move(minutes=1)
    second = stage.run(records)
    assert rows(engine) == before
    assert count(engine, "notification_rejects") == rejects == 1
    assert (first.requested, second.requested, second.duplicates) == (2, 0, 2)


def test_the_halves_of_a_batch_at_once_make_each_row_once(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """A partition handed to another consumer in the middle of a batch."""
    keys = [f"k{number}" for number in range(400)]
    halves = [keys[:250], keys[150:]]
    stages = [ingester(another_engine(), clock, PointerList()) for _ in halves]
    reports = at_once([partial(stage.run, batch(*half)) for stage, half in zip(stages, halves, strict=True)])
    assert count(engine) == sum(report.requested for report in reports) == 400


def test_overlapping_batches_of_eight_threads_lose_and_double_nothing(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """Deadlocks are MySQL's answer to such batches; none of them escapes, and each row is counted as new once."""
    keys = [f"k{number}" for number in range(600)]

    def storm(seed: int) -> int:
        stage, chance = ingester(another_engine(), clock, PointerList()), random.Random(seed)
        return sum(stage.run(batch(*chance.sample(keys, 200))).requested for _ in range(6))

    created = at_once([partial(storm, seed) for seed in range(8)])
    assert sum(created) == count(engine) > 590


def test_overlapping_batches_with_refused_rows_end_as_well(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """Sifting works under savepoints; a deadlock takes the savepoint with it and the batch starts anew."""
    keys = [f"k{number}" for number in range(80)]

    def storm(seed: int) -> int:
        own, chance = another_engine(), random.Random(seed)
        too_long = asking_for("too long", trace_id="x" * 129).requests
        batches = [Intake(requests=[*asking_for(*chance.sample(keys, 60)).requests, *too_long], rejects=[])] * 4
        return sum(recorder_store(own, clock, intake).created for intake in batches)

    created = at_once([partial(storm, seed) for seed in range(4)])
    assert sum(created) == count(engine) > 75


def test_duplicates_inside_a_batch_collapse(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """The first of them is recorded, one pointer goes out."""
    report = ingester(engine, clock, queue).run(batch("a", "b", "a", "a"))
    assert (report.received, report.requested, report.duplicates) == (4, 2, 2)
    assert len(queue.pointers) == count(engine) == 2


def test_keys_compare_byte_for_byte(engine: Engine, clock: Clock) -> None:
    """What collations fold together (case, accents, width, trailing spaces) are different notifications here."""
    keys = ["a", "A", "á", "ａ", "a ", "a  ", "ß", "ss", "a\u0301", "a\0"]
    stored = recorder_store(engine, clock, asking_for(*keys))
    assert stored.created == len(stored.pointers) == len(keys)
    assert {record.dedupe_key for record in rows(engine)} == set(keys)


@pytest.mark.parametrize(
    ("status", "attempts", "published"),
    [("pending", 0, 1), ("failed", 2, 1), ("sending", 1, 0), ("sent", 1, 0), ("dead", 5, 0), ("skipped", 1, 0)],
)
def test_a_repeated_event_wakes_only_what_waits(
    engine: Engine, clock: Clock, queue: PointerList, status: str, attempts: int, published: int
) -> None:
    """A producer that repeats itself wants news: a row that waits is sent at once, the others are let be."""
    record_id = add_row(engine, now=clock(), status=status, attempt_count=attempts)
    before = row(engine, record_id)
    clock.move(minutes=1)
    report = ingester(engine, clock, queue).run([kafka(event(before.dedupe_key))])
    assert queue.pointers == [Pointer(record_id, attempts)][:published]
    assert (report.requested, report.duplicates, report.published) == (0, 1, published)
    assert row(engine, record_id) == before


def test_the_parts_of_a_report_add_up(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """Nothing that came in is unaccounted for."""
    stage = ingester(engine, clock, queue)
    stage.run(batch("known"))
    foreign = event("f", envelope={"service_name": "billing", "event_type": "invoice.paid"})
    values = [event("known"), event("new"), event("new"), foreign, b"", event("bad", user_id=0)]
    report = stage.run([kafka(value, offset=offset) for offset, value in enumerate(values)])
    assert (report.received, report.requested, report.duplicates) == (6, 1, 2)
    assert report.skipped == {"invoice.paid": 1}
    assert report.rejected == {"envelope_invalid": 1, "payload_invalid": 1}
    passed_over, rejected = sum(report.skipped.values()), sum(report.rejected.values())
    assert report.received == report.requested + report.duplicates + passed_over + rejected
