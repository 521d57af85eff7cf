"""Everybody who closes takes lines of history in one order, so that one waits where both would deadlock."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection, Engine

from delivery.storage.attempts import Attempts
from tests.integration.clock import Clock
from tests.integration.send.test_attempts import DELIVERED, closing
from tests.integration.send.test_closing import opened_set
from tests.waiting import until


def test_whoever_waits_for_a_line_of_history_holds_no_later_one(
    engine: Engine, another_engine: Callable[[], Engine], clock: Clock
) -> None:
    """In whatever order its outcomes came: calls of Feishu end in any."""
    first, second = opened_set(engine, clock, 2)
    with another_engine().connect() as holder, ThreadPoolExecutor(max_workers=1) as thread:
        _add_line(holder, first.record_id)
        closings = [closing(attempt, DELIVERED, clock) for attempt in (second, first)]
        closed = thread.submit(Attempts(engine=another_engine()).close, closings)
        try:
            until(lambda: waiting(engine), within=10)
            with engine.connect() as looking:
                _lock_line(looking, second.record_id)  # MySQL refuses this at once if somebody has it
                looking.rollback()
        finally:
            holder.rollback()
        assert closed.result().won | closed.result().locked == {first.record_id, second.record_id}


def _add_line(connection: Connection, record_id: int) -> None:
    line = "INSERT INTO notification_attempts (record_id, attempt, started_at, outcome) VALUES (%s, 1, NOW(3), 'lost')"
    connection.exec_driver_sql(line, (record_id,))


def _lock_line(connection: Connection, record_id: int) -> None:
    line = "SELECT outcome FROM notification_attempts WHERE record_id = %s AND attempt = 1 FOR UPDATE NOWAIT"
    connection.exec_driver_sql(line, (record_id,)).all()


def waiting(engine: Engine) -> bool:
    """Whether a transaction waits for a lock."""
    time.sleep(0.15)  # MySQL makes this table anew when nobody has read it for a tenth of a second
    waiting = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
    with engine.connect() as connection:
        return bool(connection.exec_driver_sql(waiting).scalar_one())
