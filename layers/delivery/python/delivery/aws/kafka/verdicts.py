"""Tells what an error of Kafka's client says: that Kafka refuses the message, or that we have trouble with Kafka."""

from __future__ import annotations

from confluent_kafka import KafkaError

from delivery.domain.relaying import Refused, Unavailable

#: A broker refuses a whole batch for its size. The client refuses a single message that it finds too large.
_OF_BATCH = frozenset({"MSG_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE", "INVALID_RECORD"})

_NO_TOPIC = frozenset({"UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION"})

#: The client's own errors have negative codes and mean that no broker was reached. These few are about the message.
_FAULTS = frozenset({"_BAD_MSG", "_INVALID_ARG", "_BAD_COMPRESSION"})
_LEAST_OF_BROKERS = -1  # UNKNOWN, a broker's unexpected error

#: Brokers' errors that are not about the message (Kafka's protocol guide, "Error Codes").
_OURS = frozenset(
    {
        "LEADER_NOT_AVAILABLE",
        "NOT_LEADER_FOR_PARTITION",
        "REQUEST_TIMED_OUT",
        "BROKER_NOT_AVAILABLE",
        "REPLICA_NOT_AVAILABLE",
        "STALE_CTRL_EPOCH",
        "NETWORK_EXCEPTION",
        "COORDINATOR_LOAD_IN_PROGRESS",
        "COORDINATOR_NOT_AVAILABLE",
        "NOT_COORDINATOR",
        "NOT_ENOUGH_REPLICAS",
        "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
        "INVALID_REQUIRED_ACKS",
        "TOPIC_AUTHORIZATION_FAILED",
        "GROUP_AUTHORIZATION_FAILED",
        "CLUSTER_AUTHORIZATION_FAILED",
        "UNSUPPORTED_SASL_MECHANISM",
        "ILLEGAL_SASL_STATE",
        "UNSUPPORTED_VERSION",
        "NOT_CONTROLLER",
        "OUT_OF_ORDER_SEQUENCE_NUMBER",
        "DUPLICATE_SEQUENCE_NUMBER",
        "INVALID_PRODUCER_EPOCH",
        "INVALID_PRODUCER_ID_MAPPING",
        "CONCURRENT_TRANSACTIONS",
        "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
        "SECURITY_DISABLED",
        "KAFKA_STORAGE_ERROR",
        "SASL_AUTHENTICATION_FAILED",
        "UNKNOWN_PRODUCER_ID",
        "FENCED_LEADER_EPOCH",
        "UNKNOWN_LEADER_EPOCH",
        "THROTTLING_QUOTA_EXCEEDED",
        "PRODUCER_FENCED",
    }
)


def verdict_of(error: KafkaError, *, also: str = "") -> Refused | Unavailable:
    """`also` is the client's last error about its connections: a message's own error says only that it timed out."""
    name, words = error.name(), _words(error)
    if name in _NO_TOPIC:
        return Unavailable(words=words, no_topic=True)
    if name in _OURS or (error.code() < _LEAST_OF_BROKERS and name not in _FAULTS):
        return Unavailable(words=f"{words} ({also})" if also else words)
    return Refused(words=words, of_batch=name in _OF_BATCH)


def _words(error: KafkaError) -> str:
    return f"Kafka: {error.name()}: {error.str()}"
