"""Opens a sender as the send function does, but for KMS: the one place that knows how a sender is made."""

import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Engine

from benchmarks.notifications import USERS
from delivery.domain.channel import Channel
from delivery.domain.record import Pointer, QueueDown
from delivery.domain.transition import Closing, RetryPolicy
from delivery.feishu.flow_webhook import FLOW_WEBHOOK, WEBHOOK_PATH
from delivery.feishu.transport import Transport
from delivery.feishu.way import Feishu, Wording
from delivery.feishu.ways import open_ways
from delivery.send import Sender, SendPolicy
from delivery.storage.attempts import Attempts
from delivery.storage.channels import Channels

LEASE = timedelta(minutes=10)
_CALL_TIMEOUT = timedelta(seconds=5)
_RETRY = RetryPolicy(base=timedelta(minutes=5), cap=timedelta(minutes=30), jitter=0.1)
_WORDING = Wording(
    event="smartflow.schedule_adjustment_ready",
    title="SmartFlow 日程调整建议",
    action_text="查看并确认调整",
    action_base_url="https://smartflow.example",
)

Send = Callable[[Sequence[Pointer]], None]


def open_sender(engine: Engine, channels: Channels, *, origin: str, concurrency: int) -> Send:
    """Returns what sends the records of these pointers."""
    sender = Sender(
        attempts=Attempts(engine=engine),
        channels=channels,
        ways=open_ways(_feishu(origin, concurrency)),
        policy=SendPolicy(lease=LEASE, concurrency=concurrency, call_timeout=_CALL_TIMEOUT, retry=_RETRY),
        reports=_NoReports(),
        threads=lambda: ThreadPoolExecutor(max_workers=concurrency),
        now=now,
        observer=_Nobody(),
    )

    def send(pointers: Sequence[Pointer]) -> None:
        sender.run(pointers, until=now() + timedelta(minutes=2))

    return send


def user_channels(engine: Engine, *, origin: str) -> Channels:
    """Every user of the notifications to measure with is reached at this origin."""
    channels = Channels(engine=engine, keys=_OneKey())
    for user_id in range(1, USERS + 1):
        channels.save(channel(user_id, origin), now=now())
    return channels


def channel(user_id: int, origin: str) -> Channel:
    return Channel(
        user_id=user_id,
        channel=FLOW_WEBHOOK,
        enabled=True,
        webhook_url=f"{origin}{WEBHOOK_PATH}user-{user_id:06}",
        bearer_token=f"token-of-user-{user_id}",
    )


def now() -> datetime:
    return datetime.now(UTC)


def _feishu(origin: str, concurrency: int) -> Feishu:
    return Feishu(
        transport=Transport.open(concurrency=concurrency, timeout=_CALL_TIMEOUT),
        wording=_WORDING,
        webhook_origins=(origin,),
        stage="bench",
        now=now,
    )


class _NoReports:
    def publish(self, _closings: Sequence[Closing]) -> None:
        raise QueueDown("MySQL takes every outcome here")


class _Nobody:
    """Who watches costs nothing."""

    def closed(self, _closing: Closing, *, won: bool) -> None: ...

    def reported(self, _closings: Sequence[Closing], _why: str) -> None: ...

    def unreported(self, _closings: Sequence[Closing], _why: str) -> None: ...

    def held(self, _record_ids: Collection[int], _why: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _OneKey:
    """A key ring without KMS, which a sender asks once in its life."""

    _key: bytes = field(default_factory=partial(os.urandom, 32))

    def current(self) -> tuple[int, bytes]:
        return 1, self._key

    def key(self, _key_id: int) -> bytes:
        return self._key
