"""A pruner that stops for good between two statements of a set: `python -m … DATABASE_URL`."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, event

from tests.integration.clock import Clock
from tests.integration.conftest import engine_for
from tests.integration.prune.pruning import pruner


def stop_after_the_attempts(_: Connection, __: Any, statement: str, *___: Any) -> None:
    if statement.startswith("DELETE") and "notification_attempts" in statement:
        print("attempts deleted", flush=True)  # noqa: T201 - the parent waits for it
        time.sleep(600)


if __name__ == "__main__":
    engine, clock = engine_for(sys.argv[1]), Clock()
    event.listen(engine, "after_cursor_execute", stop_after_the_attempts)
    pruner(engine, clock).run(until=clock() + timedelta(hours=1))
