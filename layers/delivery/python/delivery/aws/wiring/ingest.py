"""Builds the ingest stage, once per function instance, on its first call."""

from datetime import timedelta
from functools import cache

from delivery.aws.clients import client
from delivery.aws.queue import SendQueue
from delivery.aws.settings.ingest import IngestSettings
from delivery.aws.wiring.foundation import engine_of, utc_now
from delivery.ingest import Ingester
from delivery.storage.recording import Recorder


@cache
def ingester() -> Ingester:
    settings = IngestSettings.read()
    return Ingester(
        recorder=Recorder(engine=engine_of(settings)),
        queue=SendQueue(sqs=client("sqs"), url=settings.send_queue_url),
        handoff_deadline=timedelta(seconds=settings.handoff_deadline_seconds),
        max_attempts=settings.max_attempts,
        url_prefixes=settings.allowed_url_prefixes,
        now=utc_now,
    )
