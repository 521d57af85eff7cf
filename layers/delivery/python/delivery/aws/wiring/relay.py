"""Builds the relay, once per function instance, on its first call."""

import time
from datetime import timedelta
from functools import cache

from delivery.aws.kafka.connection import connection
from delivery.aws.kafka.producer import DELIVERY_SECONDS, KafkaProducer
from delivery.aws.settings.relay import RelaySettings
from delivery.aws.wiring.foundation import engine_of, utc_now
from delivery.domain.relaying import Pauses
from delivery.relay import Relayer, RelayPolicy
from delivery.storage.outbox.relayed import Outbox

_PAUSES = Pauses(kafka_away=timedelta(seconds=5), topic_missing=timedelta(seconds=30))
#: The client looks for what is overdue once a second.
_OVERDUE = timedelta(seconds=2)


@cache
def relayer() -> Relayer:
    settings = RelaySettings.read()
    return Relayer(
        outbox=Outbox(engine=engine_of(settings)),
        kafka=KafkaProducer(lambda: connection(settings)),
        policy=RelayPolicy(
            batch_size=settings.batch_size,
            lease=timedelta(seconds=settings.lease_seconds),
            pauses=_PAUSES,
            delivery_timeout=timedelta(seconds=DELIVERY_SECONDS) + _OVERDUE,
        ),
        now=utc_now,
        wait=time.sleep,
    )
