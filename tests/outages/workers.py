"""A sender or a claimer as a process, which works as its function does: `python -m tests.outages.workers SETTINGS`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import boto3
from sqlalchemy import Engine

from delivery.aws.queue import SendQueue, messages_in
from delivery.aws.reports import ReportQueue
from delivery.aws.send_batch import SendBatch
from delivery.claim import Claimer, ClaimPolicy
from delivery.closing import ReportCloser
from delivery.deadline import ending_at
from delivery.domain.record import Pointer
from delivery.domain.transition import Closing
from delivery.feishu.transport import Transport
from delivery.feishu.way import Feishu
from delivery.feishu.ways import open_ways
from delivery.send import CONNECTIONS, Sender, SendPolicy
from delivery.storage.attempts import Attempts
from delivery.storage.channels import Channels
from delivery.storage.claims import DueRecords
from delivery.storage.mysql.database import address_of, open_engine
from tests.unit.samples import EXACT_RETRY, WORDING

_CALL_TIMEOUT = timedelta(seconds=4)  # a busy machine answers late, and that is not what is tried here
_CONCURRENCY = 16
_MESSAGES_AT_ONCE = 10


@dataclass(frozen=True, kw_only=True)
class Settings:
    role: str
    database_url: str
    sqs_url: str
    pointers_url: str
    reports_url: str
    feishu_url: str
    lease_seconds: float
    invocation_seconds: float

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)

    @cached_property
    def sqs(self) -> Any:
        return sqs_client(self.sqs_url)

    @cached_property
    def engine(self) -> Engine:
        address = address_of(self.database_url)
        return open_engine(lambda: address, connections=CONNECTIONS)

    @cached_property
    def reports(self) -> ReportQueue:
        return ReportQueue(sqs=self.sqs, url=self.reports_url)


def sqs_client(url: str) -> Any:
    return boto3.client(
        "sqs",
        region_name="eu-west-1",
        endpoint_url=url,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


class NoKeys:
    """The channels are in plain text, as rows of the Go service are."""

    def current(self) -> tuple[int, bytes]:
        raise AssertionError("no channel here is sealed")

    def key(self, _key_id: int) -> bytes:
        raise AssertionError("no channel here is sealed")


class Printing:
    """An observer whose lines the parent counts."""

    def closed(self, closing: Closing, *, won: bool) -> None:
        if not won:
            say("late", closing.attempt.record_id)

    def reported(self, closings: Sequence[Closing], why: str) -> None:
        say("reported", len(closings), why)

    def unreported(self, closings: Sequence[Closing], why: str) -> None:
        say("unreported", len(closings), why)

    def held(self, record_ids: Collection[int], why: str) -> None:
        say("held", len(record_ids), why)


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201 - the parent reads it


def sender(settings: Settings) -> Sender:
    feishu = Feishu(
        transport=Transport.open(concurrency=_CONCURRENCY, timeout=_CALL_TIMEOUT),
        stage="test",
        wording=WORDING,
        webhook_origins=(settings.feishu_url,),
        now=utc_now,
    )
    policy = SendPolicy(lease=settings.lease, concurrency=_CONCURRENCY, call_timeout=_CALL_TIMEOUT, retry=EXACT_RETRY)
    return Sender(
        attempts=Attempts(engine=settings.engine),
        channels=Channels(engine=settings.engine, keys=NoKeys()),
        reports=settings.reports,
        ways=open_ways(feishu),
        policy=policy,
        threads=lambda: ThreadPoolExecutor(max_workers=_CONCURRENCY),
        now=utc_now,
        observer=Printing(),
    )


def send_for_ever(settings: Settings) -> None:
    one = sender(settings)
    closer = ReportCloser(store=one.attempts, observer=Printing())
    while True:
        for url in (settings.reports_url, settings.pointers_url):
            _invoke(settings, url, one, closer)


def _invoke(settings: Settings, url: str, one: Sender, closer: ReportCloser) -> None:
    """One invocation by SQS: what fails stays in the queue until its visibility time-out."""
    received = settings.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=_MESSAGES_AT_ONCE).get("Messages", [])
    if not received:
        time.sleep(0.05)
        return
    event = {"Records": [{"messageId": one["MessageId"], "body": one["Body"]} for one in received]}
    batch, until = SendBatch.read(event), utc_now() + timedelta(seconds=settings.invocation_seconds)
    unclosed: Collection[int] = ()
    unopened: Collection[Pointer] = ()
    try:
        with ending_at(until):
            if batch.reports:
                unclosed = closer.run(batch.reports)
                say("taken", len(batch.reports) - len(unclosed))
            if batch.pointers:
                unopened = one.run(batch.pointers, until=until)
    except Exception as error:  # noqa: BLE001 - as the function fails, and its whole batch comes again
        say("raised", type(error).__name__, str(error).splitlines()[0])
        return
    if utc_now() > until:
        say("overran", (utc_now() - until).total_seconds())
    failed = batch.response(unopened=unopened, unclosed=unclosed)["batchItemFailures"]
    again = {failure["itemIdentifier"] for failure in failed}
    for message in received:
        if message["MessageId"] not in again:
            settings.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def claim_for_ever(settings: Settings) -> None:
    claimer = Claimer(
        records=DueRecords(engine=settings.engine),
        queue=SendQueue(sqs=settings.sqs, url=settings.pointers_url),
        reports_wait=lambda: messages_in(settings.sqs, settings.reports_url) > 0,
        policy=ClaimPolicy(lease=settings.lease, batch_size=500, max_queued=40_000),
        now=utc_now,
    )
    while True:
        until = utc_now() + timedelta(seconds=5)
        with ending_at(until):
            report = claimer.run(until=until)
        if report.lost:
            say("lost", report.lost)
        time.sleep(0.5)


def utc_now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    given = Settings(**json.loads(sys.argv[1]))
    roles: dict[str, Callable[[Settings], None]] = {"sender": send_for_ever, "claimer": claim_for_ever}
    roles[given.role](given)
