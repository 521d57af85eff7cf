"""How the event source talks to Kafka: a mapping in, librdkafka's settings out; its own log lines go nowhere."""

import logging

from local.template.deployment import KafkaMapping

#: librdkafka reports each lost connection; the event source tells what matters itself
QUIET = logging.getLogger("local.lambda_.sources.kafka")
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False


def consumer_settings(mapping: KafkaMapping) -> dict[str, str | int | bool]:
    return {
        "bootstrap.servers": mapping.bootstrap_servers,
        "group.id": mapping.group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # Where to go on when the committed offset no longer exists.
        "auto.offset.reset": "earliest" if mapping.starting_position == "TRIM_HORIZON" else "latest",
        "fetch.wait.max.ms": 100,
        "reconnect.backoff.max.ms": 1000,
    }
