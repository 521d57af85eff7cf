"""A hold that stops for good after its first set: `python -m … DATABASE_URL`."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection
from datetime import datetime, timedelta

from delivery.deployment.held import Holder
from delivery.storage.held import HeldRecords
from tests.integration.clock import Clock
from tests.integration.conftest import engine_for


class StuckAfterOneSet(HeldRecords):
    def hold(self, ids: Collection[int], *, before: datetime, now: datetime) -> int:
        held = super().hold(ids, before=before, now=now)
        print(f"held {held}", flush=True)  # noqa: T201 - the parent waits for it
        time.sleep(600)
        return held


if __name__ == "__main__":
    clock = Clock()
    holder = Holder(records=StuckAfterOneSet(engine=engine_for(sys.argv[1])), now=clock)
    holder.hold(before=clock(), until=clock() + timedelta(minutes=1))
