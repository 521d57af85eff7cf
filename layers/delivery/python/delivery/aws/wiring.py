"""The composition root: builds each use case once per function instance, on its first call."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from delivery.aws.queue import SendQueue
from delivery.aws.secrets import KmsKeyRing, database_address
from delivery.aws.settings import ClaimSettings, IngestSettings, SendSettings, Settings
from delivery.aws.telemetry import observe_attempt
from delivery.claim import Claimer, ClaimPolicy
from delivery.domain.transition import RetryPolicy
from delivery.feishu.flow_webhook import FlowWebhook, Wording, open_connections
from delivery.ingest import Ingester
from delivery.send import Sender, SendPolicy
from delivery.storage.attempts import Attempts
from delivery.storage.channels import Channels
from delivery.storage.claims import DueRecords
from delivery.storage.data_keys import DataKeys
from delivery.storage.database import open_engine
from delivery.storage.records import Recorder

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from sqlalchemy import Engine

_SPARE_SECONDS = 1.5


@cache
def ingester() -> Ingester:
    settings = IngestSettings.read()
    return Ingester(
        recorder=Recorder(engine=_engine(settings)),
        queue=SendQueue(sqs=_client("sqs"), url=settings.send_queue_url),
        handoff_deadline=timedelta(seconds=settings.handoff_deadline_seconds),
        max_attempts=settings.max_attempts,
        url_prefixes=settings.allowed_url_prefixes,
        now=utc_now,
    )


@cache
def claimer() -> Claimer:
    settings = ClaimSettings.read()
    return Claimer(
        records=DueRecords(engine=_engine(settings)),
        queue=SendQueue(sqs=_client("sqs"), url=settings.send_queue_url),
        policy=ClaimPolicy(
            lease=timedelta(seconds=settings.lease_seconds),
            batch_size=settings.claim_batch_size,
            max_queued=settings.max_queued_pointers,
        ),
        now=utc_now,
    )


@cache
def sender() -> Sender:
    settings = SendSettings.read()
    engine = _engine(settings)
    keys = KmsKeyRing(kms=_client("kms"), kms_key=settings.data_key_arn, stored=DataKeys(engine=engine), now=utc_now)
    return Sender(
        attempts=Attempts(engine=engine),
        channels=Channels(engine=engine, keys=keys),
        courier=_courier(settings),
        policy=SendPolicy(
            lease=timedelta(seconds=settings.lease_seconds),
            concurrency=settings.send_concurrency,
            retry=RetryPolicy(
                base=timedelta(seconds=settings.retry_base_seconds),
                cap=timedelta(seconds=settings.retry_cap_seconds),
                jitter=settings.retry_jitter,
            ),
        ),
        executor=ThreadPoolExecutor(max_workers=settings.send_concurrency, thread_name_prefix="feishu"),
        now=utc_now,
        on_closed=observe_attempt,
    )


def deadline(context: LambdaContext) -> datetime:
    """Until when this invocation may work: a little less than what Lambda leaves it."""
    return utc_now() + timedelta(seconds=context.get_remaining_time_in_millis() / 1000 - _SPARE_SECONDS)


def utc_now() -> datetime:
    return datetime.now(UTC)


def _courier(settings: SendSettings) -> FlowWebhook:
    return FlowWebhook(
        connections=open_connections(settings.send_concurrency),
        wording=Wording(
            event=settings.message_event,
            title=settings.message_title,
            action_text=settings.message_action_text,
            action_base_url=settings.action_base_url,
        ),
        patience=timedelta(seconds=settings.feishu_timeout_seconds),
        now=utc_now,
        origins=settings.webhook_origins,
    )


def _engine(settings: Settings) -> Engine:
    secrets_manager = _client("secretsmanager")
    return open_engine(lambda: database_address(settings, secrets_manager))


def _client(service: str) -> Any:  # noqa: ANN401 - boto clients are made at run time
    timeouts = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 3})
    return boto3.client(service, config=timeouts)  # type: ignore[call-overload]
