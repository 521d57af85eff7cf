"""Runs the demo on a running stack, from the set-up to the account."""

import sys
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from rich.console import Console
from sqlalchemy import create_engine

from local.demo.display import live_display
from local.demo.history import history_of, most_eventful
from local.demo.observer import Observer, Row
from local.demo.publishing.event_kinds import OF_OUTBOX, Event, Kind, Publication
from local.demo.publishing.outbox import Outbox
from local.demo.publishing.producer import KafkaTopic
from local.demo.publishing.scenario import Scenario, User, build_scenario
from local.demo.redrive import Redrive, Redriven
from local.demo.report import (
    print_account,
    print_crash,
    print_history,
    print_outbox,
    print_problems,
    print_times,
    say,
)
from local.demo.watching import Ended, Publish, Watch
from local.feishu.client import SimulatedFeishu

#: At most the stack's number of workers for the API's function.
_SAVED_AT_ONCE = 4


class DemoStack(Protocol):
    """What the demo needs from a running stack."""

    @property
    def database_url(self) -> str: ...

    @property
    def kafka_bootstrap_servers(self) -> str: ...

    @property
    def topic(self) -> str: ...

    @property
    def feishu_url(self) -> str: ...

    def webhook_url(self, key: str) -> str: ...

    def kill_one_sender(self) -> bool:
        """Sends SIGKILL to a sender that is sending. Returns False if there is none."""

    def register_channel(self, *, user_id: int, webhook_url: str, enabled: bool = True, bearer_token: str = "") -> None:
        """Saves the channel through the API, with the user's token."""

    def redrive(self, record_id: int) -> None:
        """Redrives through the API, with an operator's token."""


def run_demo(stack: DemoStack, *, began: float | None = None, console: Console | None = None) -> int:
    """Publishes, watches, kills a sender and accounts for every event. Its last line is the summary.

    `began` is when `make demo` began (`time.monotonic()`). Returns the exit code.
    """
    began = time.monotonic() if began is None else began
    console = console or _console()
    topic = KafkaTopic(bootstrap_servers=stack.kafka_bootstrap_servers, name=stack.topic)
    scenario = _scenario(topic)
    engine = create_engine(stack.database_url)
    feishu = SimulatedFeishu(stack.feishu_url)
    outbox = Outbox(engine=engine, topic=stack.topic)
    before = outbox.open()
    observer = Observer(engine=engine, feishu=feishu, topic=stack.topic, run=scenario.run, outbox_before=before)
    try:
        say(
            console,
            f"Saving the channels of {len(scenario.users)} users through the API; Feishu, which is simulated, fails "
            "for some",
        )
        _set_up(stack, feishu, scenario.users)
        publish = partial(_publish, topic, outbox)
        ended = _published_and_watched(stack, publish, observer, scenario, console)
        tell = partial(say, console)
        redrive = Redrive(observer=observer, heal=feishu.clear_faults, redrive=stack.redrive, say=tell)
        ended, redriven = redrive.run(ended)
        _report(console, observer, ended, redriven, began=began)
    finally:
        outbox.close()
        feishu.close()
        engine.dispose()
    return 0 if ended.account.in_order and ended.killed else 1


def _scenario(topic: KafkaTopic) -> Scenario:
    now = datetime.now(UTC)
    return build_scenario(
        run=f"demo-{now:%Y%m%d-%H%M%S}",
        first_user_id=int(now.timestamp()) * 1000,  # no channel is left from an earlier run
        partitions=topic.partitions(),
        now=now,
    )


def _set_up(stack: DemoStack, feishu: SimulatedFeishu, users: Collection[User]) -> None:
    feishu.set_faults([user.fault_document for user in users if user.fault])
    for user in users:
        if user.required_token:
            feishu.require_token(user.webhook_key, user.required_token)
    with ThreadPoolExecutor(_SAVED_AT_ONCE) as threads:
        list(threads.map(partial(_save_channel, stack), (user for user in users if user.kind is not Kind.NO_CHANNEL)))


def _save_channel(stack: DemoStack, user: User) -> None:
    stack.register_channel(
        user_id=user.user_id,
        webhook_url=stack.webhook_url(user.webhook_key),
        enabled=user.enabled,
        bearer_token=user.bearer_token,
    )


def _publish(topic: KafkaTopic, outbox: Outbox, events: Sequence[Event]) -> list[Publication]:
    straight = [event for event in events if event.kind not in OF_OUTBOX]
    return [*topic.publish(straight), *outbox.write([event for event in events if event.kind in OF_OUTBOX])]


def _published_and_watched(
    stack: DemoStack, publish: Publish, observer: Observer, scenario: Scenario, console: Console
) -> Ended:
    through = sum(event.kind in OF_OUTBOX for event in scenario.events)
    say(
        console,
        f"Publishing {len(scenario.events)} events of {len(Kind)} kinds to Kafka, {through} of them through the outbox "
        "in transactions of a business, and watching what becomes of them",
    )
    with live_display(console) as show:
        watch = Watch(
            observer=observer,
            publish=publish,
            kill_one_sender=stack.kill_one_sender,
            say=lambda line: say(console, line),
            show=show,
        )
        return watch.run(scenario)


def _report(console: Console, observer: Observer, ended: Ended, redriven: Redriven | None, *, began: float) -> None:
    account, found = ended.account, ended.found
    print_account(console, account)
    print_crash(console, account, killed=ended.killed, lost_attempts=sum(found.lost_attempts.values()))
    if row := most_eventful(account, found):
        _print_history(console, observer, ended, row)
    if redriven:
        _print_history(console, observer, ended, redriven.row, redriven_at=redriven.at)
    print_outbox(console, found)
    print_times(console, whole=time.monotonic() - began, delivery=ended.seconds)
    print_problems(console, account, found)
    say(console, account.last_line)


def _print_history(
    console: Console, observer: Observer, ended: Ended, row: Row, *, redriven_at: datetime | None = None
) -> None:
    moments = history_of(
        observer.record(row.record_id),
        attempts=observer.attempts(row.record_id),
        calls=observer.calls(row.record_id),
        published=[one for one in ended.published if one.event.dedupe_key == row.dedupe_key],
        redriven_at=redriven_at,
    )
    print_history(console, row, moments)


def _console() -> Console:
    """Makes a console that is wide enough for the tables if there is no terminal."""
    return Console() if sys.stdout.isatty() else Console(width=140)
