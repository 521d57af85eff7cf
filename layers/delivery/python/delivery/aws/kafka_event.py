"""The event that Lambda makes of a Kafka batch, to records. Total: odd bytes become odd records, never an error.

Source: AWS Lambda developer guide, "Using Lambda with Amazon MSK" and "… with self-managed Apache Kafka".
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from delivery.domain.intake import KafkaRecord

_BIGINT = 2**63


def kafka_records(event: Mapping[str, Any]) -> list[KafkaRecord]:
    """All records of the event, partition by partition in order."""
    return [_record(raw) for batch in event.get("records", {}).values() for raw in batch]


def _record(raw: Mapping[str, Any]) -> KafkaRecord:
    return KafkaRecord(
        topic=str(raw.get("topic", "")),
        partition=int(raw.get("partition", 0)),
        offset=int(raw.get("offset", 0)),
        timestamp=_milliseconds(raw.get("timestamp")),
        key=_bytes(raw.get("key")),
        value=_bytes(raw.get("value")),
        headers=tuple(_headers(raw.get("headers"))),
    )


def _milliseconds(given: object) -> int | None:
    return given if type(given) is int and abs(given) < _BIGINT else None


def _bytes(encoded: object) -> bytes | None:
    """Decodes base64. Anything else is kept unchanged, so that its reject shows it."""
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
            # Lambda gives header values as lists of numbers, which may be signed as in Java.
            numbers = value if isinstance(value, list) else []
            yield str(name), bytes(number & 0xFF for number in numbers if isinstance(number, int))
