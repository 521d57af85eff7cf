"""What a person does with a running stack: publish an event, read a record, register a channel; text for people out."""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from delivery.storage.database import open_engine
from delivery.storage.lookups import Lookups
from delivery.deployment.migrate import address_of
from local.channels import channels_of, feishu_channel, webhook_url
from local.machine.processes import CannotStartError
from local.servers.aws import Aws

_CHANNEL = "feishu"
_RECORDED_WITHIN_SECONDS = 20.0


def example_event(user_id: int, text: str) -> bytes:
    """A good event that was never published before."""
    name = f"local-{uuid.uuid4()}"
    event = {
        "event_id": name,
        "event_type": "notification.feishu.requested",
        "event_version": "1",
        "service_name": "notification",
        "aggregate_id": name,
        "payload": {
            "user_id": user_id,
            "preview_id": name,
            "trigger_type": "local",
            "dedupe_key": name,
            "target_url": f"/assistant/{name}",
            "summary_text": text,
            "requested_at": datetime.now(UTC).isoformat(),
        },
    }
    return json.dumps(event, ensure_ascii=False).encode()


def publish(endpoints: Mapping[str, Any], event: bytes, *, key: str, say: Callable[[str], None]) -> None:
    """Any bytes are taken: what becomes of them is for the service to say."""
    failures: list[str] = []
    producer = Producer({"bootstrap.servers": endpoints["kafka_bootstrap_servers"]})
    producer.produce(
        endpoints["topic"], event, key=key, on_delivery=lambda error, _: failures.append(str(error)) if error else None
    )
    if producer.flush(30) or failures:
        raise CannotStartError(f"Kafka did not take the event: {', '.join(failures) or 'no answer within 30 s'}")
    say(f"published to {endpoints['topic']} with key {key}")
    _say_what_became_of_it(endpoints, event, say)


def _say_what_became_of_it(endpoints: Mapping[str, Any], event: bytes, say: Callable[[str], None]) -> None:
    try:
        dedupe_key = json.loads(event)["payload"]["dedupe_key"].strip()
    except (ValueError, KeyError, TypeError, AttributeError):
        say("without a dedupe key it becomes a reject: see the table notification_rejects")
        return
    deadline = time.monotonic() + _RECORDED_WITHIN_SECONDS
    with _lookups(endpoints) as lookups:
        while time.monotonic() < deadline:
            if record := lookups.by_key(_CHANNEL, dedupe_key):
                say(f"recorded as {record['id']}; read it with: .venv/bin/python -m local show {record['id']}")
                return
            time.sleep(0.1)
    say(f"not recorded within {_RECORDED_WITHIN_SECONDS:.0f} s: perhaps a reject (see the table notification_rejects)")


def show(endpoints: Mapping[str, Any], record_id: int, *, say: Callable[[str], None]) -> None:
    """The record as stored, and its attempts."""
    with _lookups(endpoints) as lookups:
        record, attempts = lookups.by_id(record_id), lookups.history(record_id)
    if record is None:
        raise CannotStartError(f"there is no record {record_id}")
    _say_row(record, say)
    for attempt in attempts:
        say("")
        _say_row({name: value for name, value in attempt.items() if name not in ("id", "record_id")}, say)


def register(
    endpoints: Mapping[str, Any],
    *,
    user_id: int,
    url: str | None,
    token: str,
    enabled: bool,
    say: Callable[[str], None],
) -> None:
    url = url or webhook_url(endpoints["feishu_url"], f"local-user-{user_id}")
    channels = channels_of(endpoints["database_url"], Aws(endpoint_url=endpoints["aws_endpoint_url"]))
    channels.save(feishu_channel(user_id, url, enabled=enabled, bearer_token=token), now=datetime.now(UTC))
    say(f"user {user_id} is reached at {url}" if enabled else f"user {user_id}'s channel is saved, and disabled")


def read_event(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CannotStartError(f"--file {file}: {error.strerror}") from None


def key_of(event: bytes, user_id: int | None) -> str:
    """The message key that a producer would give: the user's id."""
    if user_id is not None:
        return str(user_id)
    try:
        return str(json.loads(event)["payload"]["user_id"])
    except (ValueError, KeyError, TypeError):
        return "0"


@contextmanager
def _lookups(endpoints: Mapping[str, Any]) -> Iterator[Lookups]:
    address = address_of(endpoints["database_url"])
    engine = open_engine(lambda: address)
    try:
        yield Lookups(engine=engine)
    finally:
        engine.dispose()


def _say_row(row: Mapping[str, Any], say: Callable[[str], None]) -> None:
    width = max(map(len, row))
    for name, value in row.items():
        if value is not None:
            say(f"{name:{width}}  {value}")
