"""The relay as its function builds it, on a test's MySQL and broker, and with shorter waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from delivery.aws.kafka.producer import KafkaProducer
from delivery.domain.relaying import Pauses
from delivery.producing import Kafka
from delivery.relay import Outbox as OutboxOf
from delivery.relay import Relayer, RelayPolicy, RelayReport
from delivery.storage.outbox.relayed import Outbox

POLICY = RelayPolicy(
    batch_size=500,
    lease=timedelta(seconds=60),
    pauses=Pauses(kafka_away=timedelta(seconds=1), topic_missing=timedelta(seconds=1)),
    delivery_timeout=timedelta(seconds=12),
    idle=timedelta(milliseconds=100),
)


def now() -> datetime:
    return datetime.now(UTC)


def producer(servers: str, **settings: object) -> KafkaProducer:
    return KafkaProducer(lambda: {"bootstrap.servers": servers, "security.protocol": "PLAINTEXT"}, **settings)


def relayer(
    outbox: Engine | OutboxOf, kafka: str | Kafka, *, clock: Callable[[], datetime] = now, **policy: object
) -> Relayer:
    return Relayer(
        outbox=Outbox(engine=outbox) if isinstance(outbox, Engine) else outbox,
        kafka=producer(kafka) if isinstance(kafka, str) else kafka,
        policy=replace(POLICY, **policy),  # type: ignore[arg-type]  # the policy's own
        now=clock,
        wait=time.sleep,
    )


def run(relayer: Relayer, *, seconds: float = 1) -> RelayReport:
    """A run that begins no set after so many seconds."""
    kept = relayer.policy.delivery_timeout + relayer.policy.spare
    return relayer.run(until=relayer.now() + kept + timedelta(seconds=seconds))
