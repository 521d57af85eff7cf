"""Creates and changes topics on Kafka's brokers."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from delivery.aws.kafka.login import Login
from delivery.deployment.failure import DeploymentError
from delivery.deployment.topic import WantedTopic

_ATTEMPT_SECONDS = 20.0
_PAUSE_SECONDS = 2.0
_CALL_SECONDS = 60.0
_HOUR_MS = 3_600_000
#: Kafka's protocol uses this value for the brokers' own default.
_BROKERS_CHOOSE = -1


class KafkaAdmin:
    """The cluster at these addresses. A broker's refusal becomes a DeploymentError in the broker's words."""

    def __init__(self, bootstrap_servers: str, login: Login) -> None:
        self._last_error = ""
        # librdkafka logs to stderr, and says no more there than in the errors that it returns.
        quiet: dict[str, Any] = {"bootstrap.servers": bootstrap_servers, "error_cb": self._remember, "log_level": 0}
        self._client = AdminClient({**quiet, **login})

    def partitions(self, name: str, *, until: datetime) -> int:
        """Keeps asking until the deadline, because a new cluster or role does not work everywhere at once."""
        while True:
            try:
                return self._partitions(name, within=max(1, min(_ATTEMPT_SECONDS, _seconds(until))))
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                if error.code() > 0:  # positive codes come from a broker; with negative ones the client reached none
                    raise DeploymentError(f"Kafka: {error.str()}") from failure
                if _seconds(until) < _PAUSE_SECONDS:
                    raise DeploymentError(f"Kafka: {self._last_error or error.str()}") from failure
            time.sleep(_PAUSE_SECONDS)

    def _partitions(self, name: str, *, within: float) -> int:
        try:
            topics = self._client.list_topics(timeout=within).topics
        finally:
            self._client.poll(0)  # delivers errors to `_remember`
        return len(topics[name].partitions) if name in topics else 0

    def create(self, topic: WantedTopic) -> None:
        new = NewTopic(
            topic.name,
            num_partitions=topic.partitions,
            replication_factor=topic.replication or _BROKERS_CHOOSE,
            config={"retention.ms": str(topic.retention_hours * _HOUR_MS)},
        )
        with _broker_errors_told():
            _done(self._client.create_topics([new], request_timeout=_CALL_SECONDS))

    def grow(self, name: str, *, partitions: int) -> None:
        with _broker_errors_told():
            _done(self._client.create_partitions([NewPartitions(name, partitions)], request_timeout=_CALL_SECONDS))

    def keep(self, name: str, *, hours: int) -> None:
        entry = ConfigEntry("retention.ms", str(hours * _HOUR_MS), incremental_operation=AlterConfigOpType.SET)
        topic = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])
        with _broker_errors_told():
            _done(self._client.incremental_alter_configs([topic], request_timeout=_CALL_SECONDS))

    def _remember(self, error: KafkaError) -> None:
        """A refused login is reported only here; the call that waits for it just times out."""
        if error.name() != "_ALL_BROKERS_DOWN":  # this error gives no reason
            self._last_error = error.str()


def _done(calls: Mapping[Any, Future[Any]]) -> None:
    for call in calls.values():
        call.result()


@contextmanager
def _broker_errors_told() -> Iterator[None]:
    try:
        yield
    except KafkaException as failure:
        raise DeploymentError(f"Kafka: {failure.args[0].str()}") from failure


def _seconds(until: datetime) -> float:
    return (until - datetime.now(UTC)).total_seconds()
