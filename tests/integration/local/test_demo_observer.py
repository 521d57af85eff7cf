"""What the demo sees in MySQL and in the simulated Feishu."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import urllib3
from sqlalchemy import Engine, insert

from delivery.domain.record import Status
from delivery.storage.tables import attempts, records, rejects
from local.demo.observer import Observer
from local.demo.publishing.event_kinds import Kind
from local.demo.publishing.events import EventMaker
from local.demo.publishing.outbox import Outbox
from local.feishu import FeishuSimulator
from local.feishu.client import SimulatedFeishu
from tests.unit.feishu_simulator.messages import HEADERS, body

NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC).replace(tzinfo=None)


@pytest.fixture
def feishu():
    with FeishuSimulator() as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def business(engine: Engine):
    """The table that the demo makes for its own business."""
    outbox = Outbox(engine=engine, topic="events")
    outbox.open()
    yield
    outbox.close()


@pytest.fixture
def observer(engine: Engine, feishu: FeishuSimulator):
    client = SimulatedFeishu(feishu.url)
    yield Observer(engine=engine, feishu=client, topic="events", run="run-1")
    client.close()


def store(engine: Engine, record_id: int, dedupe_key: str, **changes: Any) -> None:
    row = {
        "id": record_id,
        "channel": "feishu",
        "user_id": 7,
        "trigger_id": "",
        "preview_id": "p",
        "trigger_type": "",
        "target_type": "",
        "target_id": 0,
        "dedupe_key": dedupe_key,
        "target_url": "/assistant/1",
        "created_at": NOW,
        "updated_at": NOW,
        **changes,
    }
    with engine.begin() as connection:
        connection.execute(insert(records).values(row))


def store_attempt(engine: Engine, record_id: int, number: int, outcome: str, code: str | None = None) -> None:
    row = {"record_id": record_id, "attempt": number, "started_at": NOW, "outcome": outcome, "error_code": code}
    with engine.begin() as connection:
        connection.execute(insert(attempts).values(row))


def test_only_the_notifications_of_the_run_are_seen(engine, observer):
    """With their state; a run whose name begins the same is another one."""
    store(engine, 1, "run-1:7:good:1", status="dead", attempt_count=5, last_error_code="provider_5xx")
    store(engine, 2, "run-10:7:good:1")
    store(engine, 3, "run_1:7:good:1")
    [row] = observer.look().rows.values()
    assert (row.record_id, row.dedupe_key, row.status) == (1, "run-1:7:good:1", Status.DEAD)
    assert (row.attempt_count, row.error_code) == (5, "provider_5xx")


def test_rejects_of_the_topic_are_seen_by_their_place(engine, observer):
    """Another topic has offsets of its own."""
    for topic, offset in (("events", 4), ("others", 5)):
        row = {"topic": topic, "partition": 2, "offset": offset, "headers": [], "code": "c", "reason": "r"}
        with engine.begin() as connection:
            connection.execute(insert(rejects).values({**row, "created_at": NOW}))
    assert observer.look().rejects == {(2, 4): "c"}


def test_the_rows_of_the_outbox_and_the_business_are_seen(engine, observer):
    """Those of committed transactions, and of this run; a rolled-back one has left neither."""
    outbox = Outbox(engine=engine, topic="events")
    maker = EventMaker(run="run-1", requested_at=datetime.now(UTC))
    old, *written = outbox.write(
        [maker.record(Kind.COMMITTED, 7), *(maker.record(kind, 7) for kind in (Kind.COMMITTED, Kind.ROLLED_BACK))]
    )
    written += outbox.write([maker.unreadable(7)])
    assert outbox.open() == written[-1].outbox_id
    found = replace(observer, outbox_before=old.outbox_id).look()
    committed, rolled_back, unreadable = written
    assert {*found.outbox} == {committed.outbox_id, unreadable.outbox_id}
    assert found.outbox[committed.outbox_id].status == "pending"
    assert found.tasks == {old.task_id, committed.task_id, unreadable.task_id}
    assert rolled_back.outbox_id not in found.outbox
    assert rolled_back.task_id not in found.tasks


def test_attempts_that_a_dead_sender_left_open_are_counted(engine, observer):
    """Those that reported are not, and other runs' are not."""
    store(engine, 1, "run-1:7:good:1")
    store(engine, 2, "run-2:7:good:1")
    for record_id, number, outcome in ((1, 1, "lost"), (1, 2, "temporary"), (1, 3, "lost"), (2, 1, "lost")):
        store_attempt(engine, record_id, number, outcome)
    assert observer.look().lost_attempts == {1: 2}
    assert [attempt["attempt"] for attempt in observer.attempts(1)] == [1, 2, 3]


def test_attempts_that_timed_out_are_counted(engine, observer):
    """Whether Feishu accepted them, nobody can tell."""
    store(engine, 1, "run-1:7:good:1")
    store_attempt(engine, 1, 1, "temporary", "provider_timeout")
    store_attempt(engine, 1, 2, "temporary", "network_error")
    assert observer.look().timed_out == {1: 1}


def test_calls_of_feishu_are_counted_and_shown(engine, observer, feishu):
    """How often it was called, and how often the user saw the message."""
    store(engine, 11, "run-1:7:good:1")
    feishu.set_fault("http_5xx", first=1)
    for _ in range(2):
        urllib3.request("POST", feishu.webhook_url("k"), body=body(notification_id=11), headers=HEADERS)
    found = observer.look()
    assert (found.calls, found.accepted) == ({11: 2}, {11: 1})
    assert [call["accepted"] for call in observer.calls(11)] == [False, True]
    assert observer.record(11)["dedupe_key"] == "run-1:7:good:1"
