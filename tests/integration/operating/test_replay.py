"""Replay: a reject goes ingest's own way again, and is marked once ingest took it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from delivery.domain.operating import Action, RejectFilter, Replayed
from delivery.storage.operating.rejected import Rejects
from tests.integration.clock import Clock
from tests.integration.notifications import count, event, kafka
from tests.integration.operating.operators import audited, replayer
from tests.integration.sending import PointerList, ingester
from tests.integration.threads import at_once

HOUR = timedelta(hours=1)
NEW = "/newsite/"


class DyingBeforeTheMark(Rejects):
    def mark_replayed(self, ids: Sequence[int], action: Action, *, now: datetime) -> int:
        raise KeyboardInterrupt


def rejected(engine: Engine, clock: Clock, number: int) -> list[int]:
    """So many events that only the rule of target URLs keeps out; the ids of their rejects."""
    keys = [f"new-{one}" for one in range(number)]
    batch = [kafka(event(key, target_url=f"{NEW}1"), offset=offset, key=b"7") for offset, key in enumerate(keys)]
    ingester(engine, clock, PointerList()).run(batch)
    return reject_ids(engine)


def reject_ids(engine: Engine) -> list[int]:
    with engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT id FROM notification_rejects ORDER BY id").scalars())


def marked(engine: Engine) -> int:
    return count(engine, "notification_rejects", "replayed_at IS NOT NULL")


def test_a_replayed_reject_goes_ingests_own_way(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """Once the rule that it broke is another one, it becomes a record; what still breaks a rule stays."""
    rejected(engine, clock, 1)
    ingester(engine, clock, queue).run([kafka(b"not json", offset=2)])
    replay, no_json = replayer(engine, clock, queue, prefix=NEW), reject_ids(engine)[1]
    done = replay.run(RejectFilter(), actor="ann", until=clock() + HOUR)
    assert (done.accepted, list(done.still_rejected), done.next) == (1, [no_json], None)
    assert "envelope_invalid" in done.still_rejected[no_json]
    assert (count(engine), len(queue.pointers), marked(engine)) == (1, 1, 1)
    again = replay.run(RejectFilter(), actor="ann", until=clock() + HOUR)
    assert (again.accepted, count(engine), count(engine, "notification_rejects")) == (0, 1, 2)
    assert audited(engine) == [("ann", "replay", 0), ("ann", "replay", 1)]


def test_a_dry_run_counts_what_the_replay_takes(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """By ingest's own rules, storing and publishing nothing, by filter as by id."""
    rejected(engine, clock, 3)
    ingester(engine, clock, queue).run([kafka(b"not json", offset=9)])
    replay = replayer(engine, clock, queue, prefix=NEW)
    told = replay.run(RejectFilter(), actor="ann", until=clock() + HOUR, dry_run=True)
    ids = reject_ids(engine)
    assert (told.accepted, list(told.still_rejected)) == (3, ids[3:])
    assert told == replay.some([*reversed(ids)], actor="ann", dry_run=True)
    assert (count(engine), queue.pointers, marked(engine), audited(engine)) == (0, [], 0, [])
    assert replay.run(RejectFilter(), actor="ann", until=clock() + HOUR) == told
    assert replay.some(ids[:1], actor="ann", dry_run=True).accepted == 0


def test_a_replay_that_died_before_the_mark_is_done_again(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """Ingest finds the records then, so that nobody is notified twice."""
    rejected(engine, clock, 3)
    dying = replayer(engine, clock, queue, prefix=NEW, store=DyingBeforeTheMark(engine=engine))
    with pytest.raises(KeyboardInterrupt):
        dying.run(RejectFilter(), actor="ann", until=clock() + HOUR)
    assert (count(engine), marked(engine)) == (3, 0)
    done = replayer(engine, clock, queue, prefix=NEW).run(RejectFilter(), actor="ann", until=clock() + HOUR)
    assert (done.accepted, count(engine), marked(engine)) == (3, 3, 3)


def test_a_replay_out_of_time_goes_on_where_it_ended(engine: Engine, clock: Clock, queue: PointerList) -> None:
    """In sets; only the places of those before tell it what is done."""
    rejected(engine, clock, 45)
    replay, done, answers = replayer(engine, clock, queue, prefix=NEW), Replayed(), 0
    while answers == 0 or done.next:
        done = replay.run(RejectFilter(), actor="ann", until=clock(), begin=done)
        answers += 1
    assert (answers, done.accepted, marked(engine), count(engine)) == (3, 45, 45, 45)


def test_two_operators_replay_the_same_rejects_each_once(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """Each becomes one record and is marked once, whether they are meant by a filter or by their ids."""
    ids = rejected(engine, clock, 40)

    def by_filter() -> object:
        one = replayer(another_engine(), clock, PointerList(), prefix=NEW)
        return one.run(RejectFilter(), actor="ann", until=clock() + HOUR)

    def by_id() -> object:
        one = replayer(another_engine(), clock, PointerList(), prefix=NEW)
        return one.some(ids, actor="bob")

    at_once([by_filter, by_id])
    assert (count(engine), marked(engine)) == (40, 40)
    assert sum(number for _, _, number in audited(engine)) == 40


def test_a_reject_of_which_only_a_part_was_kept_is_not_replayed(
    engine: Engine, clock: Clock, queue: PointerList
) -> None:
    """Its fingerprint is that of the whole."""
    [one] = rejected(engine, clock, 1)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE notification_rejects SET value = LEFT(value, 100)")
    done = replayer(engine, clock, queue, prefix=NEW).run(RejectFilter(), actor="ann", until=clock() + HOUR)
    assert (done.accepted, done.still_rejected, marked(engine)) == (0, {one: "only a part of it was kept"}, 0)
