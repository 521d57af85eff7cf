"""Builds the claim stage, once per function instance, on its first call."""

from datetime import timedelta
from functools import cache

from delivery.aws.clients import client
from delivery.aws.queue import SendQueue, messages_in
from delivery.aws.settings.claim import ClaimSettings
from delivery.aws.wiring.foundation import engine_of, utc_now
from delivery.claim import Claimer, ClaimPolicy
from delivery.storage.claims import DueRecords


@cache
def claimer() -> Claimer:
    settings = ClaimSettings.read()
    sqs = client("sqs")
    return Claimer(
        records=DueRecords(engine=engine_of(settings)),
        queue=SendQueue(sqs=sqs, url=settings.send_queue_url),
        reports_wait=lambda: messages_in(sqs, settings.report_queue_url) > 0,
        policy=ClaimPolicy(
            lease=timedelta(seconds=settings.lease_seconds),
            batch_size=settings.batch_size,
            max_queued=settings.max_queued_pointers,
        ),
        now=utc_now,
    )
