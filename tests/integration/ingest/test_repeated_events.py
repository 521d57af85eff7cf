"""Of the events of one key in a batch, the first that MySQL takes is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Engine

from delivery.domain.intake import KafkaRecord
from tests.integration.clock import Clock
from tests.integration.ingest.test_outages import add_outbox, outbox_rows
from tests.integration.ingest.test_rejects import picky, rejects
from tests.integration.notifications import add_row, batch, event, kafka, rows
from tests.integration.sending import PointerList, ingester

__all__ = ["picky"]  # a fixture


def events_of_one_key(*users: int) -> Sequence[KafkaRecord]:
    """Each from an outbox row of its own, 1, 2, 3…; user 13 is one that this database refuses."""
    values = [event("k", envelope={"outbox_id": number}, user_id=user) for number, user in enumerate(users, 1)]
    return [kafka(value, offset=offset) for offset, value in enumerate(values)]


@pytest.mark.parametrize(
    ("users", "recorded", "outbox"),
    [
        ((13, 7), 7, ["dead", "consumed"]),
        ((13, 7, 8), 7, ["dead", "consumed", "consumed"]),
        ((7, 13), 7, ["consumed", "consumed"]),
        ((13, 13, 9, 13), 9, ["dead", "dead", "consumed", "consumed"]),
        ((13, 13), None, ["dead", "dead"]),
    ],
)
def test_the_next_event_of_a_key_takes_the_place_of_a_refused_one(
    picky: Engine, clock: Clock, queue: PointerList, users: tuple[int, ...], recorded: int | None, outbox: list[str]
) -> None:
    """The refused ones are rejects and their outbox rows dead; the others' rows are consumed."""
    add_outbox(picky, clock, **{f"_{number}": "published" for number in range(1, len(users) + 1)})
    others = batch("a", "b", "c")
    report = ingester(picky, clock, queue).run([*others, *events_of_one_key(*users)])
    found = {row.dedupe_key: row.user_id for row in rows(picky)}
    assert found.pop("k", None) == recorded
    assert set(found) == {"a", "b", "c"}
    assert [row[0] for row in outbox_rows(picky).values()] == outbox
    refused = outbox.count("dead")
    assert [reject.code for reject in rejects(picky)] == ["storage_rejected"] * refused
    assert (report.requested, report.rejected.get("storage_rejected", 0)) == (3 + (recorded is not None), refused)
    assert report.received == report.requested + report.duplicates + refused
    assert len(queue.pointers) == len(set(queue.pointers)) == len(found) + (recorded is not None)


def test_a_refused_repetition_of_a_stored_record_wakes_it_all_the_same(
    picky: Engine, clock: Clock, queue: PointerList
) -> None:
    """The good event after it still asks for the record that is there."""
    record_id = add_row(picky, now=clock(), status="failed", attempt_count=1)
    key = rows(picky)[0].dedupe_key
    values: list[dict[str, Any]] = [{"user_id": 13}, {}]
    report = ingester(picky, clock, queue).run(
        [kafka(event(key, **changes), offset=offset) for offset, changes in enumerate(values)]
    )
    assert [pointer.record_id for pointer in queue.pointers] == [record_id]
    assert (report.requested, report.duplicates, report.rejected) == (0, 1, {"storage_rejected": 1})
