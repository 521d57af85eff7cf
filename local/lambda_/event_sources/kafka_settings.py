"""The settings of the event source's Kafka consumers, and a logger that drops librdkafka's own messages."""

import logging

from local.template.deployment import KafkaMapping

#: librdkafka logs each lost connection; the event source reports what matters itself
QUIET = logging.getLogger("local.lambda_.event_sources.kafka")
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False


def consumer_settings(mapping: KafkaMapping) -> dict[str, str | int | bool]:
    return {
        "bootstrap.servers": mapping.bootstrap_servers,
        "group.id": mapping.group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # Where to continue when the committed offset no longer exists.
        "auto.offset.reset": "earliest" if mapping.starting_position == "TRIM_HORIZON" else "latest",
        "fetch.wait.max.ms": 100,
        "reconnect.backoff.max.ms": 1000,
    }
