"""What an error of Kafka's client means: the message is refused, or we have trouble with Kafka."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from delivery.aws.kafka import verdicts
from delivery.aws.kafka.verdicts import verdict_of
from delivery.domain.relaying import Refused, Unavailable


def error(name: str) -> KafkaError:
    return KafkaError(getattr(KafkaError, name))


@pytest.mark.parametrize(
    "name", ["INVALID_MSG", "INVALID_TIMESTAMP", "POLICY_VIOLATION", "TOPIC_EXCEPTION", "_BAD_MSG"]
)
def test_what_is_about_the_message_is_a_refusal(name: str) -> None:
    """Each time it is tried it would be the same, so it has an end."""
    assert verdict_of(error(name)) == Refused(words=f"Kafka: {name}: {error(name).str()}")


def test_an_error_that_nobody_knows_is_a_refusal() -> None:
    """It comes from the broker, which has seen the message: without an end it would hold up its key for ever."""
    assert isinstance(verdict_of(KafkaError(-1)), Refused)
    assert isinstance(verdict_of(KafkaError(9_999)), Refused)


@pytest.mark.parametrize("name", ["MSG_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE", "INVALID_RECORD"])
def test_a_refusal_of_a_batch_may_be_about_another_message(name: str) -> None:
    verdict = verdict_of(error(name))
    assert isinstance(verdict, Refused)
    assert verdict.of_batch


@pytest.mark.parametrize(
    "name",
    [
        "_MSG_TIMED_OUT",
        "_TRANSPORT",
        "_ALL_BROKERS_DOWN",
        "_AUTHENTICATION",
        "_SSL",
        "_RESOLVE",
        "_QUEUE_FULL",
        "_PURGE_QUEUE",
        "_PURGE_INFLIGHT",
        "_FATAL",
        "_STATE",
        "NOT_LEADER_FOR_PARTITION",
        "LEADER_NOT_AVAILABLE",
        "REQUEST_TIMED_OUT",
        "NOT_ENOUGH_REPLICAS",
        "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
        "TOPIC_AUTHORIZATION_FAILED",
        "CLUSTER_AUTHORIZATION_FAILED",
        "SASL_AUTHENTICATION_FAILED",
        "OUT_OF_ORDER_SEQUENCE_NUMBER",
        "KAFKA_STORAGE_ERROR",
        "THROTTLING_QUOTA_EXCEEDED",
    ],
)
def test_what_is_about_the_brokers_or_our_rights_is_trouble_of_ours(name: str) -> None:
    """With what the client said last of its connections, because a time-out does not say why."""
    verdict = verdict_of(error(name), also="Connection refused")
    assert verdict == Unavailable(words=f"Kafka: {name}: {error(name).str()} (Connection refused)")


@pytest.mark.parametrize("name", ["UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION"])
def test_a_topic_that_is_not_there_is_trouble_of_its_own(name: str) -> None:
    """It is waited for, longer than for a broker."""
    verdict = verdict_of(error(name))
    assert isinstance(verdict, Unavailable)
    assert verdict.no_topic


@pytest.mark.parametrize(
    "names",
    [verdicts._OURS, verdicts._OF_BATCH, verdicts._NO_TOPIC, verdicts._FAULTS],
    ids=["ours", "batch", "topic", "fault"],
)
def test_the_client_knows_every_name(names: frozenset[str]) -> None:
    """A name that is misspelt would never match."""
    assert {error(name).name() for name in names} == names
