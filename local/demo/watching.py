"""Publishes a scenario and watches it until every event has its end, or nothing has changed for two minutes."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from delivery.domain.record import OPEN_STATUSES, Status
from local.demo.accounting import Account, account_for, rejected
from local.demo.display import Show, Snapshot
from local.demo.observer import Findings
from local.demo.publishing.event_kinds import Event, Kind, Publication
from local.demo.publishing.scenario import Scenario

#: Longer than SQS hides pointers that a sender had no time for, for example after a cold start.
_LONGEST_WITHOUT_CHANGE = 120.0
_LOOK_EVERY = 0.2
_WAIT_FOR_LATE_DOUBLES = 1.0
_SENT_BY_WARM_SENDERS = 30


Publish = Callable[[Sequence[Event]], list[Publication]]


class Observing(Protocol):
    def look(self) -> Findings: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    published: Sequence[Publication]
    found: Findings
    account: Account
    #: Whether a sender was killed while it was sending.
    killed: bool
    #: The time from the first event to the last final state.
    seconds: float


@dataclass(slots=True, kw_only=True)
class Watch:
    observer: Observing
    publish: Publish
    kill_one_sender: Callable[[], bool]
    say: Callable[[str], None]
    show: Show
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    published: list[Publication] = field(default_factory=list)
    killed: bool = False
    began: float = 0.0
    changed_at: float = 0.0
    counts: tuple[object, ...] = ()

    def run(self, scenario: Scenario) -> Ended:
        """Publishes slow notifications last, when senders are warm, so that the killed one is sending some of them."""
        self.began = self.now()
        first, second = scenario.waves
        self.published += self.publish(first)
        if self._look_until(lambda account, found: account.settled or _sent(found) >= _SENT_BY_WARM_SENDERS):
            self.published += self.publish(second)
            self._look_until(self._settled)
        seconds = self.now() - self.began
        self.sleep(_WAIT_FOR_LATE_DOUBLES)
        found = self.observer.look()
        account = account_for(self.published, found)
        return Ended(published=self.published, found=found, account=account, killed=self.killed, seconds=seconds)

    def _look_until(self, done: Callable[[Account, Findings], bool]) -> bool:
        """Returns False if nothing changes any more."""
        self.changed_at = self.now()
        while True:
            found = self.observer.look()
            account = account_for(self.published, found)
            snapshot = Snapshot.of(found, rejects=rejected(self.published, found), seconds=self.now() - self.began)
            self.show(snapshot)
            if done(account, found):
                return True
            if self._stands_still(snapshot):
                return False
            self.sleep(_LOOK_EVERY)

    def _stands_still(self, snapshot: Snapshot) -> bool:
        if snapshot.counts != self.counts:
            self.counts, self.changed_at = snapshot.counts, self.now()
        return self.now() - self.changed_at > _LONGEST_WITHOUT_CHANGE

    def _settled(self, account: Account, found: Findings) -> bool:
        if not self.killed and _worth_killing(found) and self.kill_one_sender():
            self.killed = True
            self.say(
                "Killed a sender at work (SIGKILL); the attempts that it had begun stay open until their lease ends"
            )
        return account.settled


def _sent(found: Findings) -> int:
    return sum(row.status is Status.SENT for row in found.rows.values())


def _worth_killing(found: Findings) -> bool:
    """Whether a slow notification, which Feishu accepts at once, is being sent; or any, once no slow one is left."""
    slow = [row for row in found.rows.values() if f":{Kind.SLOW.name.lower()}:" in row.dedupe_key]
    unfinished = [row for row in slow if row.status in OPEN_STATUSES]
    candidates = unfinished or (found.rows.values() if slow else [])
    return any(row.status is Status.SENDING and row.attempt_count for row in candidates)
