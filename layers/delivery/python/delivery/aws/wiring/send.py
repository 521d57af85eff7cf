"""Builds the send stage, once per function instance, on its first call."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache

from delivery.aws.key_ring import KmsKeyRing
from delivery.aws.settings import SendSettings
from delivery.aws.telemetry import observe_attempt
from delivery.aws.wiring.foundation import client, engine_of, utc_now
from delivery.domain.transition import RetryPolicy
from delivery.feishu.flow_webhook import FlowWebhook, Wording, open_connections
from delivery.send import Sender, SendPolicy
from delivery.storage.attempts import Attempts
from delivery.storage.channels import Channels
from delivery.storage.data_keys import DataKeys


@cache
def sender() -> Sender:
    settings = SendSettings.read()
    engine = engine_of(settings)
    keys = KmsKeyRing(kms=client("kms"), kms_key=settings.data_key_arn, stored=DataKeys(engine=engine), now=utc_now)
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
