"""Measures the whole service on the local stack: events go into Kafka, and count when Feishu has their messages."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter

from sqlalchemy import create_engine

from benchmarks.flow.processor_shares import Usage, usage, variable
from benchmarks.notifications import USERS
from benchmarks.report.figures import FLOW_RATE, Measured
from benchmarks.steps import Bench
from local.demo.publishing.event_kinds import Event, Kind
from local.demo.publishing.events import EventMaker
from local.demo.publishing.producer import KafkaTopic
from local.machine.processes import CannotStartError
from local.running_stack import Stack
from local.stack import StackOptions, local_stack

_EVENTS = 20_000
#: Sent beforehand, so that every function has started.
_WARM_UP = 2_000
_LOOK_EVERY_SECONDS = 0.2
_AT_MOST_SECONDS = 600
#: Above this share of the machine's time the processors are the bottleneck.
_ALL_BUSY = 0.85
_SENT = "SELECT COUNT(*) FROM notification_records WHERE status = 'sent'"
#: what a command line says of its process; a function's says its name
_SERVERS = {
    "kafka.Kafka": "Kafka",
    "mysqld": "MySQL",
    "local.feishu": "the Feishu simulator",
    "moto_server": "SQS (moto)",
}
_FUNCTIONS = "the function "
_EVENT_SOURCES = "the event sources and the producer (Python)"


def measure(bench: Bench) -> dict[str, Measured]:
    options = StackOptions(name="bench", fresh=True, say=lambda _: None)
    with local_stack(options) as stack:
        for user_id in range(1, USERS + 1):
            stack.register_channel(user_id=user_id, webhook_url=stack.webhook_url(f"user-{user_id}"))
        flow = _Flow(stack=stack, topic=KafkaTopic(bootstrap_servers=stack.kafka_bootstrap_servers, name=stack.topic))
        flow.send(_WARM_UP, sent_then=_WARM_UP)
        bench.progress("warm")
        before = usage(_group)
        seconds = flow.send(_EVENTS, sent_then=_WARM_UP + _EVENTS)
        used = usage(_group).since(before)
    return {FLOW_RATE.name: Measured(value=_EVENTS / seconds, detail=in_words(used, notifications=_EVENTS))}


def in_words(used: Usage, *, notifications: int) -> str:
    """Says what limited the flow, and each group's share of the time and its time per notification."""
    busy = used.busy / used.there
    cause = "held back by the processors" if busy >= _ALL_BUSY else "held back by waiting and not by the processors"
    shares = [
        f"{seconds / used.busy:.0%} {group} ({1000 * seconds / notifications:.2f} ms each)"
        for group, seconds in sorted(used.groups.items(), key=itemgetter(1), reverse=True)
    ]
    rest = f"{used.by_others / used.busy:.0%} other programs and the kernel"
    return f"{cause}, which were {busy:.0%} busy: {', '.join([*shares, rest])}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flow:
    stack: Stack
    topic: KafkaTopic

    def send(self, number: int, *, sent_then: int) -> float:
        """Publishes this many new events and returns the seconds until all were sent."""
        events = _events(number)
        began = time.monotonic()
        self.topic.publish(events)
        while (sent := self._sent()) < sent_then:
            if time.monotonic() - began > _AT_MOST_SECONDS:
                raise CannotStartError(f"after {_AT_MOST_SECONDS} s only {sent:,} of {sent_then:,} were sent")
            time.sleep(_LOOK_EVERY_SECONDS)
        return time.monotonic() - began

    def _sent(self) -> int:
        engine = create_engine(self.stack.database_url)
        with engine.connect() as connection:
            sent = int(connection.exec_driver_sql(_SENT).scalar_one())
        engine.dispose()
        return sent


def _events(number: int) -> Sequence[Event]:
    now = datetime.now(UTC)
    maker = EventMaker(run=f"bench-{now:%H%M%S%f}", requested_at=now)
    return [maker.record(Kind.GOOD, 1 + index % USERS) for index in range(number)]


def _group(pid: int, command: str) -> str:
    for part, server in _SERVERS.items():
        if part in command:
            return server
    if word := variable(pid, "POWERTOOLS_SERVICE_NAME"):
        return _FUNCTIONS + word
    return _EVENT_SOURCES
