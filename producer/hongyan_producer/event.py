"""Makes an event of a payload, if it keeps the contract: what ingest would reject is refused here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from hongyan_producer.contract.checking import Broken, checked_envelope, checked_payload
from hongyan_producer.contract.models import EVENT_TYPE, EVENT_VERSION, SERVICE_NAME, Payload
from hongyan_producer.contract.target_url import URL_PREFIXES


class ContractError(ValueError):
    """The event breaks the contract. `rules` names every broken rule but no value, because values may be private."""

    @property
    def rules(self) -> tuple[str, ...]:
        return self.args

    def __str__(self) -> str:
        return f"the event breaks the contract: {'; '.join(self.rules)}"


class Event(NamedTuple):
    """An event that ingest accepts."""

    #: The Kafka record's key: the user's id as text, so that all events of a user are in one partition.
    key: str
    envelope: Mapping[str, Any]

    @property
    def value(self) -> bytes:
        """The Kafka record's value."""
        return _written(self.envelope)


def checked_event(
    payload: Mapping[str, Any], *, event_id: str = "", url_prefixes: Sequence[str] = URL_PREFIXES
) -> Event:
    """Checks a payload and makes its event; docs/events.md explains the fields. A `datetime` becomes RFC 3339 text.

    Args:
        payload: Unknown fields are kept, because a newer service than this package may know them.
        event_id: The producer's own name for the event.
        url_prefixes: The stage's setting `allowed_url_prefixes`.

    Raises:
        ContractError: It breaks rules, and ingest would reject it.
    """
    if not isinstance(payload, Mapping):
        raise ContractError("payload: should be a mapping of its fields")
    document, unwritable = _as_ingest_reads_it(payload)
    checked = checked_payload(document, url_prefixes=url_prefixes)
    if isinstance(checked, Broken):
        raise ContractError(*checked, *unwritable)
    if unwritable:
        raise ContractError(*unwritable)
    envelope = _envelope(checked, document, event_id)
    if isinstance(broken := checked_envelope(envelope), Broken):
        raise ContractError(*broken)
    return Event(key=str(checked.user_id), envelope=envelope)


def _envelope(checked: Payload, document: Mapping[str, Any], event_id: str) -> Mapping[str, Any]:
    return {
        "event_id": event_id,
        "event_type": EVENT_TYPE,
        "event_version": EVENT_VERSION,
        "service_name": SERVICE_NAME,
        "aggregate_id": checked.preview_id,
        "payload": document,
    }


def _as_ingest_reads_it(payload: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Returns the fields as their JSON reads, and what is wrong with unknown fields that JSON cannot hold."""
    document: dict[str, Any] = {}
    unwritable: list[str] = []
    for name, value in payload.items():
        try:
            document.update(json.loads(_written({name: value})))
        except (TypeError, ValueError, RecursionError):
            document[name] = value  # a known field has its own rule
            if name not in Payload.model_fields:
                unwritable.append(f"{name}: cannot be written as JSON")
    return document, unwritable


def _written(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, allow_nan=False, ensure_ascii=False, default=_moment).encode()


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError
