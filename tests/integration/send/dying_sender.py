"""A sender that stops for good between Feishu's answer and its report: `python -m … DATABASE_URL FEISHU WEBHOOK ID`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from delivery.domain.record import Pointer
from delivery.domain.transition import Closed, Closing
from delivery.storage.attempts import Attempts
from tests.integration.clock import Clock
from tests.integration.conftest import engine_for
from tests.integration.sending import OneWebhook, send


class StuckReport(Attempts):
    def close(self, closings: Sequence[Closing]) -> Closed:
        words = {"sent": "accepted"}
        print(*(words.get(closing.transition.status, "failed") for closing in closings), flush=True)  # noqa: T201
        time.sleep(600)
        return Closed(won=frozenset())


if __name__ == "__main__":
    url, origin, webhook, record_id = sys.argv[1:]
    send(
        [Pointer(int(record_id), 0)],
        clock=Clock(),
        attempts=StuckReport(engine=engine_for(url)),
        channels=OneWebhook(webhook),
        origin=origin,
    )
