"""Builds the send stage on the first call of a function instance, and keeps it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache

from sqlalchemy import Engine

from delivery.aws.clients import client
from delivery.aws.key_ring import KmsKeyRing
from delivery.aws.reports import ReportQueue
from delivery.aws.send_telemetry import SendTelemetry
from delivery.aws.settings.send import SendSettings
from delivery.aws.wiring.foundation import engine_of, utc_now
from delivery.closing import ReportCloser
from delivery.domain.transition import RetryPolicy
from delivery.feishu.transport import Transport
from delivery.feishu.way import Feishu, Wording
from delivery.feishu.ways import open_ways
from delivery.send import CONNECTIONS, Sender, SendPolicy
from delivery.storage.attempts import Attempts
from delivery.storage.channels import Channels
from delivery.storage.data_keys import DataKeys


@cache
def sender() -> Sender:
    settings = SendSettings.read()
    engine = _engine()
    keys = KmsKeyRing(kms=client("kms"), kms_key=settings.data_key_arn, stored=DataKeys(engine=engine), now=utc_now)
    return Sender(
        attempts=Attempts(engine=engine),
        channels=Channels(engine=engine, keys=keys),
        reports=_reports(),
        ways=open_ways(_feishu(settings)),
        policy=SendPolicy(
            lease=timedelta(seconds=settings.lease_seconds),
            concurrency=settings.concurrency,
            call_timeout=timedelta(seconds=settings.feishu_timeout_seconds),
            retry=RetryPolicy(
                base=timedelta(seconds=settings.base_seconds),
                cap=timedelta(seconds=settings.cap_seconds),
                jitter=settings.jitter,
            ),
        ),
        threads=lambda: ThreadPoolExecutor(max_workers=settings.concurrency, thread_name_prefix="feishu"),
        now=utc_now,
        observer=SendTelemetry(),
    )


def report_closer() -> ReportCloser:
    """Closes what an earlier run could only report."""
    return ReportCloser(store=Attempts(engine=_engine()), observer=SendTelemetry())


@cache
def _engine() -> Engine:
    return engine_of(SendSettings.read(), connections=CONNECTIONS)


@cache
def _reports() -> ReportQueue:
    return ReportQueue(sqs=client("sqs"), url=SendSettings.read().report_queue_url)


def _feishu(settings: SendSettings) -> Feishu:
    return Feishu(
        transport=Transport.open(
            concurrency=settings.concurrency, timeout=timedelta(seconds=settings.feishu_timeout_seconds)
        ),
        stage=settings.stage,
        wording=Wording(
            event=settings.event,
            title=settings.title,
            action_text=settings.action_text,
            action_base_url=settings.action_base_url,
        ),
        webhook_origins=settings.webhook_origins,
        now=utc_now,
    )
