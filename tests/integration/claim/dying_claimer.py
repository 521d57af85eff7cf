"""A claimer that stops for good between its commit and its publish: `python -m … DATABASE_URL`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import timedelta

from delivery.domain.record import Pointer
from tests.integration.clock import Clock
from tests.integration.conftest import engine_for
from tests.integration.sending import PointerList, claimer


class StuckQueue(PointerList):
    def publish(self, pointers: Sequence[Pointer]) -> None:
        print("leased" if pointers else "nothing was due", flush=True)  # noqa: T201 - the parent waits for it
        time.sleep(600)


if __name__ == "__main__":
    clock = Clock()
    claimer(engine_for(sys.argv[1]), clock, StuckQueue()).run(until=clock() + timedelta(minutes=1))
