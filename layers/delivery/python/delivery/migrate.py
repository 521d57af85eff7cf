"""Migrates the database before new code serves: a deadline in, the revisions before and after out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from delivery.storage.migrate import Migrated


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrator:
    """Runs the migrations that the database has not seen, and gives up in time to say so."""

    upgrade: Callable[[], Migrated]
    now: Callable[[], datetime]

    def run(self, *, until: datetime) -> Migrated:
        """The revisions; raises what went wrong, a TimeoutError when the time is up."""
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="migrate")
        try:
            return executor.submit(self.upgrade).result(timeout=(until - self.now()).total_seconds())
        except TimeoutError as error:
            raise TimeoutError(str(error) or "the time is up; MySQL may still be at work on a statement") from error
        finally:
            executor.shutdown(wait=False)  # a thread in the middle of a statement cannot be ended
