"""A sender whose MySQL fell silent hands its outcomes to the report queue, and another one closes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing as closed_after
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from sqlalchemy import Engine

from delivery.aws.queue import messages_in
from delivery.aws.reports import ReportQueue
from delivery.aws.send_batch import SendBatch
from delivery.closing import ReportCloser
from delivery.deadline import ending_at
from delivery.domain.record import DatabaseDown, Pointer
from delivery.domain.transition import Closed, Closing
from delivery.feishu.transport import Transport
from delivery.feishu.ways import open_ways
from delivery.send import Sender, SendPolicy
from delivery.storage.attempts import Attempts
from delivery.storage.mysql.database import address_of, open_engine
from local.feishu import FeishuSimulator
from tests.integration.clock import Clock
from tests.integration.notifications import add_rows, rows
from tests.integration.send.test_attempts import outcomes
from tests.integration.sending import LEASE, LEASE_OVER, OneWebhook, PointerList, claimer, feishu
from tests.integration.silences import Silence, silence
from tests.unit.samples import EXACT_RETRY
from tests.unit.stages.sending_fakes import Observer, Reports, soon, utc_now


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReportQueue]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        sqs = boto3.client("sqs", region_name="eu-west-1")
        made = sqs.create_queue(QueueName="reports", Attributes={"VisibilityTimeout": "0"})
        yield ReportQueue(sqs=sqs, url=made["QueueUrl"])


@pytest.fixture
def between(shared_url: str) -> Iterator[Silence]:
    address = address_of(shared_url)
    with silence(address.host, address.port) as one:
        yield one


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentFromTheFirstClose(Attempts):
    """MySQL falls silent when the messages are out and their outcomes are to be written."""

    between: Silence

    def close(self, closings: Sequence[Closing]) -> Closed:
        self.between.fall_silent()
        return Attempts.close(self, closings)


def send_into_silence(
    shared_url: str, between: Silence, ids: Sequence[int], reports: ReportQueue | Reports, observer: Observer
) -> int:
    """One invocation of nine seconds; how many messages arrived."""
    address = replace(address_of(shared_url), host="127.0.0.1", port=between.port)
    engine, until = open_engine(lambda: address), soon(9)
    with (
        FeishuSimulator() as simulator,
        closed_after(Transport.open(concurrency=8, timeout=timedelta(seconds=1))) as wire,
    ):
        clock: Any = utc_now
        sender = Sender(
            attempts=SilentFromTheFirstClose(engine=engine, between=between),
            channels=OneWebhook(simulator.webhook_url("k")),
            reports=reports,
            ways=open_ways(feishu(wire, clock, simulator.url)),
            policy=SendPolicy(lease=LEASE, concurrency=8, call_timeout=timedelta(seconds=1), retry=EXACT_RETRY),
            threads=lambda: ThreadPoolExecutor(max_workers=8),
            now=utc_now,
            observer=observer,
        )
        try:
            with ending_at(until):
                sender.run([Pointer(record_id, 0) for record_id in ids], until=until)
        finally:
            assert datetime.now(UTC) < until
            between.passing.set()
            engine.dispose()
        return len(simulator.calls(accepted=True))


def event(reports: ReportQueue) -> dict[str, Any]:
    """As SQS invokes the send function with all that waits."""
    received = reports.sqs.receive_message(QueueUrl=reports.url, MaxNumberOfMessages=10).get("Messages", [])
    return {"Records": [{"messageId": one["MessageId"], "body": one["Body"]} for one in received]}


def test_outcomes_that_mysql_did_not_take_are_closed_by_the_next_sender(
    engine: Engine, shared_url: str, between: Silence, reports: ReportQueue, clock: Clock, queue: PointerList
) -> None:
    """Before the deadline. While they wait no ended lease is claimed; delivered twice they change nothing."""
    ids = add_rows(engine, 5, now=clock(), next_retry_at=clock())
    due = add_rows(engine, 1, now=clock(), next_retry_at=clock(), status="failed", attempt_count=1)
    observer = Observer()
    arrived = send_into_silence(shared_url, between, ids, reports, observer)
    assert (arrived, sorted(record_id for record_id, _ in observer.in_reports), observer.lost) == (5, ids, [])
    assert {record.status for record in rows(engine)[:5]} == {"sending"}

    def reports_wait() -> bool:
        return messages_in(reports.sqs, reports.url) > 0

    clock.wait(LEASE_OVER + timedelta(minutes=1))
    claimer(engine, clock, queue, reports_wait=reports_wait).run(until=clock() + timedelta(minutes=1))
    assert queue.take() == [Pointer(due[0], 1)]

    batch, seen = SendBatch.read(event(reports)), Observer()
    for _ in range(2):
        assert ReportCloser(store=Attempts(engine=engine), observer=seen).run(batch.reports) == frozenset()
    assert seen.by_status == {"sent": 10}  # won twice: the second finds the first one's work
    assert {record.status for record in rows(engine)[:5]} == {"sent"}
    assert [outcomes(engine, record_id) for record_id in ids] == [[(1, "delivered")]] * 5

    reports.sqs.purge_queue(QueueUrl=reports.url)
    died = add_rows(engine, 1, now=clock(), next_retry_at=clock(), status="sending", attempt_count=1)
    claimer(engine, clock, queue, reports_wait=reports_wait).run(until=clock() + timedelta(minutes=1))
    assert queue.take() == [Pointer(died[0], 1)]


def test_without_mysql_and_the_queue_each_message_that_may_come_twice_is_named(
    engine: Engine, shared_url: str, between: Silence, clock: Clock
) -> None:
    """One line each, with what kept it from being written in both servers' words; and the invocation fails."""
    ids = add_rows(engine, 3, now=clock(), next_retry_at=clock())
    observer = Observer()
    with pytest.raises(DatabaseDown, match=r"MySQL at 127\.0\.0\.1"):
        send_into_silence(shared_url, between, ids, Reports(down=True), observer)
    assert sorted(record_id for record_id, _ in observer.lost) == ids
    silent = f"DatabaseDown: 2013: MySQL at 127.0.0.1:{between.port}: Lost connection to MySQL server during query"
    assert {why for _, why in observer.lost} == {f"{silent} (timed out); the report queue: AccessDenied: no"}
