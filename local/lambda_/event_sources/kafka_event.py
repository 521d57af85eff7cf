"""Writes Kafka messages as the event that Lambda passes to a function.

Source: Lambda developer guide, "Using Lambda with self-managed Apache Kafka", example event.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message


def kafka_event(messages: Sequence[Message], *, bootstrap_servers: str) -> bytes:
    """One event with the messages of one partition."""
    where = json.dumps(f"{messages[0].topic()}-{messages[0].partition()}")
    records = ",".join(map(kafka_record, messages))
    servers = json.dumps(bootstrap_servers)
    text = f'{{"eventSource":"SelfManagedKafka","bootstrapServers":{servers},"records":{{{where}:[{records}]}}}}'
    return text.encode()


def kafka_record(message: Message) -> str:
    """A message as Lambda writes it, without the key or value that it does not have."""
    kind, timestamp = message.timestamp()
    record: dict[str, Any] = {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": timestamp,
        "timestampType": "LOG_APPEND_TIME" if kind == TIMESTAMP_LOG_APPEND_TIME else "CREATE_TIME",
    }
    for part, content in (("key", message.key()), ("value", message.value())):
        if content is not None:
            record[part] = base64.b64encode(_bytes(content)).decode()
    return json.dumps(record | {"headers": [_header(*header) for header in message.headers() or []]})


def _header(name: str, content: bytes | str | None) -> dict[str, list[int]]:
    """Lambda's poller writes a header's bytes as Java's signed bytes, from -128 to 127."""
    return {name: [byte - 256 if byte > 127 else byte for byte in _bytes(content or b"")]}


def _bytes(content: bytes | str) -> bytes:
    return content.encode() if isinstance(content, str) else content
