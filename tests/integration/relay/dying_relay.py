"""A relay that stops for good when Kafka has accepted and nothing is marked: `python -m … DATABASE_URL KAFKA`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import datetime

from delivery.domain.relaying import Fate, Mark
from delivery.storage.outbox.relayed import Outbox
from tests.integration.conftest import engine_for
from tests.integration.relay.running import relayer, run


class StuckOutbox(Outbox):
    def mark(self, marks: Sequence[Mark], *, leased_until: datetime, now: datetime) -> int:
        """A broker that has just started may need more than one set before it takes anything."""
        if {mark.fate for mark in marks} == {Fate.PUBLISHED}:
            print("accepted", flush=True)  # noqa: T201 - the parent waits for it
            time.sleep(600)
        return super().mark(marks, leased_until=leased_until, now=now)


if __name__ == "__main__":
    run(relayer(StuckOutbox(engine=engine_for(sys.argv[1])), sys.argv[2]), seconds=120)
