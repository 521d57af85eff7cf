"""Builds the claim stage, once per function instance, on its first call."""

from datetime import timedelta
from functools import cache

from delivery.aws.queue import SendQueue
from delivery.aws.settings.claim import ClaimSettings
from delivery.aws.wiring.foundation import client, engine_of, utc_now
from delivery.claim import Claimer, ClaimPolicy
from delivery.storage.claims import DueRecords


@cache
def claimer() -> Claimer:
    settings = ClaimSettings.read()
    return Claimer(
        records=DueRecords(engine=engine_of(settings)),
        queue=SendQueue(sqs=client("sqs"), url=settings.send_queue_url),
        policy=ClaimPolicy(
            lease=timedelta(seconds=settings.lease_seconds),
            batch_size=settings.batch_size,
            max_queued=settings.max_queued_pointers,
        ),
        now=utc_now,
    )
