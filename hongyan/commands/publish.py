"""`publish`: sends an event to Kafka and tells what the service made of it."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from hongyan.commands.command import Service, command, surroundings
from hongyan.failure import FAILED, USAGE, Failure
from hongyan.kafka import Broker, Position
from hongyan.place.local_stack import LocalStack, find_local_stack
from hongyan.shown.output import Output
from hongyan.shown.text import visible
from hongyan.trace import Fate, Found, Trace, dedupe_key_of

_TOPIC = "smartflow.notification.outbox"


def add_to(app: typer.Typer) -> None:
    app.command()(command(publish))


@dataclass(frozen=True, slots=True, kw_only=True)
class Brokers:
    """Where events go."""

    bootstrap_servers: Annotated[
        str | None, typer.Option(metavar="HOST:PORT,…", help="Kafka; by default the local stack's.")
    ] = None
    topic: Annotated[str | None, typer.Option(help=f"By default the local stack's, or {_TOPIC}.")] = None
    group: Annotated[str | None, typer.Option(help="Ingest's consumer group, to tell that it skipped an event.")] = None
    config: Annotated[
        list[str] | None,
        typer.Option("--kafka-config", metavar="KEY=VALUE", help="A property of librdkafka; may be repeated."),
    ] = None

    def broker(self, local: LocalStack | None) -> Broker:
        if self.bootstrap_servers:
            return Broker(
                servers=self.bootstrap_servers, topic=self.topic or _TOPIC, group=self.group, config=self._properties()
            )
        if local is None:
            raise Failure("--bootstrap-servers: should be given, since no local stack is up in this checkout", USAGE)
        return Broker(
            servers=local["kafka_bootstrap_servers"],
            topic=self.topic or local["topic"],
            group=self.group or local["consumer_group"],
            config=self._properties(),
        )

    def _properties(self) -> dict[str, str]:
        pairs = [text.partition("=") for text in self.config or []]
        if any(not is_pair for _key, is_pair, _value in pairs):
            raise Failure("--kafka-config: should be KEY=VALUE, such as security.protocol=SSL", USAGE)
        return {key: value for key, _, value in pairs}


def publish(
    brokers: Brokers,
    service: Service,
    *,
    user: Annotated[int | None, typer.Option(min=1, help="The user to notify (default: 1, or the file's).")] = None,
    text: Annotated[str, typer.Option(help="The summary of an example event.")] = "hello from hongyan",
    file: Annotated[Path | None, typer.Option(help="Publish the bytes of this file instead; - is stdin.")] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Report how ingest took it; needs an operator's token.")
    ] = True,
) -> None:
    """Publish an event to Kafka and report how ingest took it. Exit code 1 if it was not recorded.

    hongyan publish --user 7 --text 'good morning'
    hongyan publish --file event.json
    hongyan publish --bootstrap-servers kafka:9092 --profile dev --file event.json
    """
    event = _read(file) if file else example_event(user or 1, text)
    broker = brokers.broker(find_local_stack(surroundings().directory))
    output = service.output
    if not wait:
        return _say_position(broker.publish(event, key=event_key(event, user)), output)
    trace = Trace(api=service.api(), dedupe_key=dedupe_key_of(event))
    position, fate = follow(
        broker, trace, event, key=event_key(event, user), told=lambda at: output.show(Text(_published(at)))
    )
    output.either({**position.as_json(), **fate.as_json()}, Text(visible(fate.words())))
    if fate.outcome not in (Fate.RECORDED, Fate.REPEATED):
        raise typer.Exit(FAILED)
    return None


def follow(
    broker: Broker, trace: Trace, event: bytes, *, key: str, told: Callable[[Position], None]
) -> tuple[Position, Found]:
    """Publishes the event, says where it is, and waits until ingest has taken it."""
    known = trace.record()  # read it before publishing, because a repeated event may change the record's state
    with broker.group_progress() as progress:
        position = broker.publish(event, key=key)
        told(position)
        return position, trace.follow(position, known=known, is_taken=lambda: progress(position))


def example_event(user_id: int, text: str) -> bytes:
    """A valid event that was never published before."""
    name = f"local-{uuid.uuid4()}"
    payload = {
        "user_id": user_id,
        "preview_id": name,
        "trigger_type": "local",
        "dedupe_key": name,
        "target_url": f"/assistant/{name}",
        "summary_text": text,
        "requested_at": datetime.now(UTC).isoformat(),
    }
    event = {
        "event_id": name,
        "event_type": "notification.feishu.requested",
        "event_version": "1",
        "service_name": "notification",
        "aggregate_id": name,
        "payload": payload,
    }
    return json.dumps(event, ensure_ascii=False).encode()


def event_key(event: bytes, user_id: int | None) -> str:
    """The message key that a producer uses: the user's id."""
    if user_id is not None:
        return str(user_id)
    try:
        return str(json.loads(event)["payload"]["user_id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return "0"


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise Failure(f"--file {file}: {error.strerror}", USAGE) from None


def _say_position(position: Position, output: Output) -> None:
    output.either(position.as_json(), Text(_published(position)))


def _published(position: Position) -> str:
    where = f"partition {position.partition}, offset {position.offset}"
    return f"published to {position.topic} with key {position.key} ({where})"
