"""Asks whether a Kafka cluster answers, and creates the topics that it lacks."""

from collections.abc import Collection, Mapping

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from local.machine.processes import CannotStartError


def cluster_name(servers: str, *, within: float) -> str | None:
    """The cluster's id, or None when no broker answers in time."""
    try:
        return _admin(servers).list_topics(timeout=within).cluster_id
    except KafkaException:
        return None


def create_topics(servers: str, topics: Mapping[str, int]) -> None:
    """Creates the missing topics with that many partitions. Existing topics are not changed."""
    admin = _admin(servers)
    there = _names(admin, servers)
    missing = [NewTopic(name, partitions) for name, partitions in topics.items() if name not in there]
    if not missing:
        return
    for name, created in admin.create_topics(missing, operation_timeout=30, request_timeout=40).items():
        try:
            created.result()
        except KafkaException as failure:
            error: KafkaError = failure.args[0]
            if error.code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise CannotStartError(
                    f"Kafka topic {name!r} does not exist and cannot be created ({error.str()}): "
                    f"create it on {servers} with {topics[name]} partitions"
                ) from None


def _names(admin: AdminClient, servers: str) -> Collection[str]:
    try:
        return admin.list_topics(timeout=20).topics
    except KafkaException as failure:
        raise CannotStartError(f"the Kafka cluster at {servers} does not list its topics: {failure}") from None


def _admin(servers: str) -> AdminClient:
    # Without messages about a broker that is still starting; log_level 0 leaves emergencies.
    return AdminClient({"bootstrap.servers": servers, "log_level": 0, "reconnect.backoff.max.ms": 200})
