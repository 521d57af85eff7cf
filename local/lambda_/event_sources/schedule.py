"""EventBridge Scheduler on this machine: invokes a function at a fixed rate. A minute may be set to be shorter."""

import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

from local.lambda_.emulator import Invoke
from local.machine.processes import CannotStartError
from local.servers.aws import ACCOUNT, REGION
from local.template.deployment import Schedule

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_MINUTES = {"minute": 1, "hour": 60, "day": 24 * 60}


def minutes_between_ticks(schedule: Schedule) -> int:
    found = _RATE.fullmatch(schedule.expression.strip())
    if not found or not int(found[1]):
        raise CannotStartError(
            f"{schedule.logical_id}: the local clock knows rate(N minutes|hours|days), not {schedule.expression}"
        )
    return int(found[1]) * _MINUTES[found[2]]


@contextmanager
def run_schedule(
    schedule: Schedule,
    invoke: Invoke,
    *,
    minute_seconds: float,
    workers: int,
    stop: threading.Event,
    report: Callable[[str], None],
) -> Iterator[None]:
    """Ticks until `stop` is set or the block ends, then waits for the invocations that are running."""
    clock = _Clock(schedule, invoke, minute_seconds=minute_seconds, workers=workers, stop=stop, report=report)
    clock.start()
    try:
        yield
    finally:
        clock.stop()


class _Clock:
    """A tick does not wait for the previous one. When no worker is free it is dropped, as Lambda drops an old event."""

    def __init__(
        self,
        schedule: Schedule,
        invoke: Invoke,
        *,
        minute_seconds: float,
        workers: int,
        stop: threading.Event,
        report: Callable[[str], None],
    ) -> None:
        self._schedule = schedule
        self._minute_seconds = minute_seconds
        self._interval = minutes_between_ticks(schedule) * minute_seconds
        self._invoke = invoke
        self._report = report
        self._stop = stop
        self._free = threading.Semaphore(workers)
        self._functions = ThreadPoolExecutor(workers, thread_name_prefix="tick")
        self._ticker = threading.Thread(target=self._tick, name="schedule", daemon=True)

    def start(self) -> None:
        self._ticker.start()

    def stop(self) -> None:
        self._stop.set()
        self._ticker.join()
        self._functions.shutdown()

    def _tick(self) -> None:
        due = time.monotonic() + self._interval
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + self._interval, time.monotonic())  # no burst of missed ticks after the machine slept
            if self._free.acquire(blocking=False):
                self._functions.submit(self._run)

    def _run(self) -> None:
        """Retries as Lambda does with an asynchronous invocation: after one minute, then after two."""
        try:
            event = (self._schedule.input or scheduled_event(datetime.now(UTC))).encode()
            for retry in range(self._schedule.retries + 1):
                if self._stop.wait(retry * self._minute_seconds):
                    return
                answer = self._invoke(event)
                if answer.error is None or self._stop.is_set():  # the end of the stack cuts long runs off
                    return
                self._report(f"{self._schedule.function}: {answer.error} (try {retry + 1})")
        finally:
            self._free.release()


def scheduled_event(now: datetime) -> str:
    """The event that EventBridge Scheduler sends to a target without input."""
    return json.dumps(
        {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": ACCOUNT,
            "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": [],
            "detail": "{}",
        }
    )
