"""The event that Lambda makes of a Kafka batch, to records. Total: odd bytes become odd records, never an error.

Source: AWS Lambda developer guide, "Using Lambda with Amazon MSK" and "… with self-managed Apache Kafka".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from delivery.domain.intake import KafkaRecord


def kafka_records(event: Mapping[str, Any]) -> list[KafkaRecord]:
    """All records of the event, partition by partition in order."""
    return [_record(raw) for batch in event.get("records", {}).values() for raw in batch]


def _record(raw: Mapping[str, Any]) -> KafkaRecord:
    return KafkaRecord(
        topic=str(raw.get("topic", "")),
        partition=int(raw.get("partition", 0)),
        offset=int(raw.get("offset", 0)),
        key=_bytes(raw.get("key")),
        value=_bytes(raw.get("value")),
        headers=tuple(_headers(raw.get("headers"))),
    )


def _bytes(encoded: object) -> bytes | None:
    """Base64 to bytes; what is no base64 is kept as it stands, so that its reject shows it."""
    if encoded is None:
        return None
    words = str(encoded)
    try:
        return base64.b64decode(words, validate=True)
    except (binascii.Error, ValueError):
        return words.encode("utf-8", "replace")


def _headers(raw: object) -> Iterator[tuple[str, bytes]]:
    for header in raw if isinstance(raw, list) else []:
        for name, value in header.items() if isinstance(header, dict) else []:
            # Lambda gives bytes as numbers that may be signed, as in Java.
            numbers = value if isinstance(value, list) else []
            yield str(name), bytes(number & 0xFF for number in numbers if isinstance(number, int))
