"""The demo from beginning to end: a running stack in, tables and an exit code out."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Console
from sqlalchemy import Engine, create_engine

from delivery.domain.record import OPEN_STATUSES, Status
from local.demo.accounting import Account, account_for
from local.demo.display import Show, Snapshot, live_display
from local.demo.findings import Findings, Row
from local.demo.history import Moment, life_of, most_eventful
from local.demo.kinds import Kind, Published
from local.demo.observer import Observer
from local.demo.producer import KafkaTopic
from local.demo.report import print_account, print_crash, print_life, print_problems
from local.demo.scenario import Scenario, build_scenario
from local.demo.simulated_feishu import SimulatedFeishu
from local.feishu.rules import PATH

_PATIENCE_SECONDS = 120.0
_LOOK_EVERY = 0.25
_LATE_DOUBLES = 1.0


class DemoStack(Protocol):
    """What the demo needs of a running stack."""

    @property
    def database_url(self) -> str: ...

    @property
    def kafka_bootstrap_servers(self) -> str: ...

    @property
    def topic(self) -> str: ...

    @property
    def feishu_url(self) -> str: ...

    def kill_one_sender(self) -> bool:
        """SIGKILL to a sender that is at work; False when none is."""

    def register_channel(
        self, *, user_id: int, webhook_url: str, enabled: bool = True, bearer_token: str = ""
    ) -> None: ...


def run_demo(stack: DemoStack, *, began: float | None = None, console: Console | None = None) -> int:
    """Publishes, watches, kills a sender, and accounts for everything.

    `began` is when the whole of `make demo` did (`time.monotonic()`). The last line it prints is the account's.
    """
    began = time.monotonic() if began is None else began
    engine = create_engine(stack.database_url)
    feishu = SimulatedFeishu(stack.feishu_url)
    try:
        demo = _prepared(stack, engine, feishu, console=console or _console(), began=began)
        return demo.run()
    finally:
        feishu.close()
        engine.dispose()


def _prepared(stack: DemoStack, engine: Engine, feishu: SimulatedFeishu, *, console: Console, began: float) -> "_Demo":
    now = datetime.now(UTC)
    topic = KafkaTopic(bootstrap_servers=stack.kafka_bootstrap_servers, name=stack.topic)
    scenario = build_scenario(
        run=f"demo-{now:%Y%m%d-%H%M%S}",
        first_user_id=int(now.timestamp()) * 1000,  # nobody who has a channel from an earlier run
        partitions=topic.partitions(),
        now=now,
    )
    observer = Observer(engine=engine, feishu=feishu, topic=stack.topic, run=scenario.run)
    return _Demo(stack=stack, scenario=scenario, observer=observer, topic=topic, console=console, began=began)


@dataclass(slots=True, kw_only=True)
class _Demo:
    stack: DemoStack
    scenario: Scenario
    observer: Observer
    topic: KafkaTopic
    console: Console
    began: float
    killed: bool = False

    def run(self) -> int:
        self._set_up_users()
        self._say(f"Publishing {len(self.scenario.events)} events of {len(Kind)} kinds to Kafka")
        published = self.topic.publish(self.scenario.events)
        published_at = time.monotonic()
        self._say(f"Kafka has acknowledged {len(published)}; waiting until every notification is final")
        with live_display(self.console) as show:
            account, found = self._watch(published, show)
        self._report(published, account, found, seconds=time.monotonic() - published_at)
        return 0 if account.in_order and self.killed else 1

    def _set_up_users(self) -> None:
        users = self.scenario.users
        self._say(f"Setting up {len(users)} users: their channels in MySQL, and how the simulated Feishu treats them")
        self.observer.feishu.prepare(users)
        for user in users:
            if user.kind is not Kind.NO_CHANNEL:
                self.stack.register_channel(
                    user_id=user.user_id,
                    webhook_url=f"{self.stack.feishu_url}{PATH}{user.webhook_key}",
                    enabled=user.enabled,
                    bearer_token=user.bearer_token,
                )

    def _watch(self, published: Sequence[Published], show: Show) -> tuple[Account, Findings]:
        """Until everything is final, or patience ends; then once more, for doubles that come late."""
        began = time.monotonic()
        while True:
            found = self.observer.look()
            account = account_for(published, found)
            rejects = sum(one.position in found.rejects for one in published)
            show(Snapshot.of(found, rejects=rejects, seconds=time.monotonic() - began))
            if account.settled or time.monotonic() - began > _PATIENCE_SECONDS:
                break
            self._kill_when_at_work(found)
            time.sleep(_LOOK_EVERY)
        time.sleep(_LATE_DOUBLES)
        found = self.observer.look()
        return account_for(published, found), found

    def _kill_when_at_work(self, found: Findings) -> None:
        """While a slow call is under way: Feishu has accepted a message that its sender does not know to be sent."""
        if not self.killed and _worth_killing(found):
            self.killed = self.stack.kill_one_sender()
            if self.killed:
                self._say("Killed one sender at its work (SIGKILL)")

    def _report(self, published: Sequence[Published], account: Account, found: Findings, *, seconds: float) -> None:
        print_account(self.console, account)
        if self.killed:
            print_crash(self.console, account, lost_attempts=sum(found.lost_attempts.values()))
        else:
            self._say("No sender could be killed: none was seen at work. That is no proof; run the demo again.")
        if row := most_eventful(account, found):
            print_life(self.console, row, self._life(row, published))
        whole = time.monotonic() - self.began
        self._say(
            f"All of it took {whole:.1f} s; from Kafka's last acknowledgement to the last final state {seconds:.1f} s"
        )
        print_problems(self.console, account)
        self._say(account.last_line)

    def _life(self, row: Row, published: Sequence[Published]) -> list[Moment]:
        return life_of(
            self.observer.record(row.record_id),
            attempts=self.observer.attempts(row.record_id),
            calls=self.observer.calls(row.record_id),
            published=[one for one in published if one.event.dedupe_key == row.dedupe_key],
        )

    def _say(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def _worth_killing(found: Findings) -> bool:
    """A slow notification is being sent; or any, once all slow ones are final."""
    slow = [row for row in found.rows.values() if f":{Kind.SLOW}:" in row.dedupe_key]
    unfinished = [row for row in slow if row.status in OPEN_STATUSES]
    candidates = unfinished or (found.rows.values() if slow else [])
    return any(row.status is Status.SENDING and row.attempt_count for row in candidates)


def _console() -> Console:
    """Wide enough for the tables where there is no terminal to ask."""
    return Console() if sys.stdout.isatty() else Console(width=140)
