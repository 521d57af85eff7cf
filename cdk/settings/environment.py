"""A stage's settings in, the environment variables of each function out; `delivery.aws.settings` reads the same names.

What a construct knows better than the settings is added there: the queue's URL, the data key's and the cluster's ARN.
"""

from collections.abc import Mapping

from cdk.settings import kafka_sections
from cdk.settings.stage import StageSettings


def ingest(stage: StageSettings) -> Mapping[str, str]:
    return {
        **_shared("ingest"),
        "HANDOFF_DEADLINE_SECONDS": str(stage.handoff_deadline_seconds),
        "MAX_ATTEMPTS": str(stage.retry.max_attempts),
        "ALLOWED_URL_PREFIXES": ",".join(stage.allowed_url_prefixes),
    }


def claim(stage: StageSettings) -> Mapping[str, str]:
    return {
        **_shared("claim"),
        "LEASE_SECONDS": str(stage.lease_seconds),
        "CLAIM_BATCH_SIZE": str(stage.claim.batch_size),
        "MAX_QUEUED_POINTERS": str(stage.claim.max_queued_pointers),
    }


def send(stage: StageSettings) -> Mapping[str, str]:
    return {
        **_shared("send"),
        "LEASE_SECONDS": str(stage.lease_seconds),
        "SEND_CONCURRENCY": str(stage.send.concurrency),
        "RETRY_BASE_SECONDS": f"{stage.retry.base_seconds:g}",
        "RETRY_CAP_SECONDS": f"{stage.retry.cap_seconds:g}",
        "RETRY_JITTER": f"{stage.retry.jitter:g}",
        "FEISHU_TIMEOUT_SECONDS": f"{stage.send.feishu_timeout_seconds:g}",
        "WEBHOOK_ORIGINS": ",".join(stage.webhook_origins),
        "ACTION_BASE_URL": stage.action_base_url,
        "MESSAGE_EVENT": stage.message.event,
        "MESSAGE_TITLE": stage.message.title,
        "MESSAGE_ACTION_TEXT": stage.message.action_text,
    }


def migrate() -> Mapping[str, str]:
    return _shared("migrate")


def topic(stage: StageSettings, new: kafka_sections.NewKafka) -> Mapping[str, str]:
    return {
        **_shared("topic"),
        "KAFKA_TOPIC": stage.kafka.topic,
        "TOPIC_PARTITIONS": str(new.partitions),
        "TOPIC_RETENTION_HOURS": str(new.retention_hours),
    }


def _shared(word: str) -> Mapping[str, str]:
    """The database's own variables come with the database, the metrics' namespace with what all functions share."""
    return {
        "POWERTOOLS_SERVICE_NAME": word,
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }
