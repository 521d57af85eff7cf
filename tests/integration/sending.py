"""The stages as a test puts them together: real storage, a queue in memory, and Feishu's simulator."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta

from sqlalchemy import Engine

from delivery.claim import Claimer, ClaimPolicy
from delivery.closing import ReportQueue
from delivery.domain.channel import Channel, StoredChannel
from delivery.domain.intake import Intake, Stored
from delivery.domain.record import Pointer, QueueDown
from delivery.feishu.transport import Transport
from delivery.feishu.way import Feishu
from delivery.feishu.ways import open_ways
from delivery.ingest import Ingester
from delivery.send import AttemptStore, ChannelStore, Sender, SendPolicy
from delivery.storage.claims import DueRecords
from delivery.storage.recording import Recorder
from tests.integration.clock import Clock
from tests.unit.samples import EXACT_RETRY, WORDING
from tests.unit.stages.sending_fakes import Observer, Reports

LEASE = timedelta(minutes=10)
#: When a lease has ended for sure: an opening adds less than a second to its own.
LEASE_OVER = LEASE + timedelta(seconds=1)
HANDOFF = timedelta(minutes=5)
CALL_TIMEOUT = timedelta(seconds=5)


class PointerList:
    """A send queue that keeps what it is given, until it is told to be down."""

    def __init__(self) -> None:
        self.pointers: list[Pointer] = []
        self.down = False

    def publish(self, pointers: Sequence[Pointer]) -> None:
        if self.down:
            raise QueueDown("told to be down")
        self.pointers.extend(pointers)

    def depth(self) -> int:
        return len(self.pointers)

    def take(self) -> list[Pointer]:
        taken, self.pointers = self.pointers, []
        return taken


class OneWebhook:
    """Every user's channel is this webhook."""

    def __init__(self, url: str) -> None:
        self.url = url

    def of_records(self, record_ids: Collection[int], ways: Collection[str]) -> Mapping[int, Collection[StoredChannel]]:
        [way] = ways
        return {one: [Channel(user_id=7, channel=way, enabled=True, webhook_url=self.url)] for one in record_ids}


def ingester(engine: Engine, clock: Clock, queue: PointerList) -> Ingester:
    return Ingester(
        recorder=Recorder(engine=engine),
        queue=queue,
        handoff_deadline=HANDOFF,
        max_attempts=5,
        url_prefixes=("/assistant/",),
        now=clock,
    )


def recorder_store(engine: Engine, clock: Clock, intake: Intake) -> Stored:
    """What storage makes of an intake, past the contract."""
    return Recorder(engine=engine).store(intake, now=clock(), handoff_at=clock() + HANDOFF, max_attempts=5)


def claimer(
    engine: Engine,
    clock: Clock,
    queue: PointerList,
    *,
    batch_size: int = 500,
    reports_wait: Callable[[], bool] = lambda: False,
) -> Claimer:
    policy = ClaimPolicy(lease=LEASE, batch_size=batch_size, max_queued=20_000)
    records = DueRecords(engine=engine)
    return Claimer(records=records, queue=queue, reports_wait=reports_wait, policy=policy, now=clock)


def claim_all(engine: Engine, clock: Clock, queue: PointerList) -> list[Pointer]:
    """One tick of the schedule; the pointers it published."""
    report = claimer(engine, clock, queue).run(until=clock() + timedelta(minutes=1))
    if report.failure:
        raise report.failure
    return queue.take()


def send(
    pointers: Sequence[Pointer],
    *,
    clock: Clock,
    attempts: AttemptStore,
    channels: ChannelStore,
    origin: str = "https://www.feishu.cn",
    reports: ReportQueue | None = None,
) -> Mapping[str, int]:
    """One run of the sender; how many records went to which state, or were `late`."""
    observer = Observer()
    with closing(Transport.open(concurrency=8, timeout=CALL_TIMEOUT)) as transport:
        sender = Sender(
            attempts=attempts,
            channels=channels,
            reports=reports or Reports(),
            ways=open_ways(feishu(transport, clock, origin)),
            policy=SendPolicy(lease=LEASE, concurrency=8, call_timeout=CALL_TIMEOUT, retry=EXACT_RETRY),
            threads=lambda: ThreadPoolExecutor(max_workers=8),
            now=clock,
            observer=observer,
        )
        sender.run(pointers, until=until_long_after(clock))
    return observer.by_status


def feishu(transport: Transport, clock: Clock, origin: str) -> Feishu:
    return Feishu(
        transport=transport,
        stage="dev",
        wording=WORDING,
        webhook_origins=(origin,),
        now=clock,
    )


def until_long_after(clock: Clock) -> datetime:
    return clock() + timedelta(minutes=5)
