"""A clock that tests move by hand. It starts at the present, because deadlines go by the wall clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    def __init__(self) -> None:
        self.time = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.time

    def wait(self, time: timedelta) -> None:
        self.time += time

    def move(self, **parts: float) -> datetime:
        self.time += timedelta(**parts)
        return self.time
