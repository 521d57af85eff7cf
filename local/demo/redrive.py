"""Redrives one dead notification at the end of the run, as an operator does when Feishu is well again."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from delivery.domain.record import OPEN_STATUSES, Status
from local.demo.accounting import account_for
from local.demo.observer import Findings, Row
from local.demo.publishing.event_kinds import SENT, Kind, Publication
from local.demo.watching import Ended, Observing

_LONGEST = 60.0
_LOOK_EVERY = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriven:
    row: Row
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrive:
    observer: Observing
    #: Ends every simulated fault.
    heal: Callable[[], None]
    #: Makes a record due again through the API.
    redrive: Callable[[int], None]
    say: Callable[[str], None]
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def run(self, ended: Ended) -> tuple[Ended, Redriven | None]:
        """Redrives a dead notification, which the account then expects to be sent. Does nothing if none is dead."""
        row = _dead_of_feishu(ended)
        if row is None:
            return ended, None
        self.say(f"Feishu is well again: notification {row.record_id} ({row.dedupe_key}) is redriven through the API")
        self.heal()
        at = datetime.now(UTC)
        self.redrive(row.record_id)
        found = self._until_final(row)
        published = [_to_be_sent(one) if one.event.dedupe_key == row.dedupe_key else one for one in ended.published]
        told = replace(ended, published=published, found=found, account=account_for(published, found))
        return told, Redriven(row=found.rows[row.dedupe_key], at=at)

    def _until_final(self, row: Row) -> Findings:
        deadline = self.now() + _LONGEST
        while True:
            found = self.observer.look()
            if found.rows[row.dedupe_key].status not in OPEN_STATUSES or self.now() > deadline:
                return found
            self.sleep(_LOOK_EVERY)


def _dead_of_feishu(ended: Ended) -> Row | None:
    keys = [one.event.dedupe_key for one in ended.published if one.event.kind is Kind.FAILING_FOR_EVER]
    rows = (ended.found.rows.get(key) for key in keys if key)
    return next((row for row in rows if row and row.status is Status.DEAD), None)


def _to_be_sent(one: Publication) -> Publication:
    return replace(one, event=replace(one.event, expected=SENT))
