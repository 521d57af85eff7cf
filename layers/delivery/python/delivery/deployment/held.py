"""After a restore: holds what was open when the backup was made, or gives what is held back to claim, in sets."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from delivery.deployment.failure import DeploymentError

_AT_ONCE = 500


class Store(Protocol):
    def open_before(self, moment: datetime, *, limit: int) -> list[int]: ...
    def hold(self, ids: Collection[int], *, before: datetime, now: datetime) -> int: ...
    def held_after(self, record_id: int, *, limit: int) -> list[int]: ...
    def release(self, ids: Collection[int], *, now: datetime) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Commits set by set. Running it again continues with the rest."""

    records: Store
    now: Callable[[], datetime]

    def hold(self, *, before: datetime, until: datetime) -> int:
        """Holds every open record that nothing has written since `before`, and returns how many.

        Raises:
            DeploymentError: that moment is in the future, so records of the running stage would be held.
            TimeoutError: time is up; what was held stays held.
        """
        if before > self.now():
            raise DeploymentError(f"records open before {before.isoformat()} cannot be held: it lies in the future")
        held = 0
        while ids := self.records.open_before(before, limit=_AT_ONCE):
            self._in_time(until, f"{held} records are held, and others are still open; run it again")
            held += self.records.hold(ids, before=before, now=self.now())
        return held

    def release(self, *, until: datetime) -> int:
        """Makes every held record due, and returns how many.

        Raises:
            TimeoutError: time is up; what was released stays released.
        """
        released, last = 0, 0
        while ids := self.records.held_after(last, limit=_AT_ONCE):
            self._in_time(until, f"{released} records are due again, and others are still held; run it again")
            released += self.records.release(ids, now=self.now())
            last = ids[-1]
        return released

    def _in_time(self, until: datetime, otherwise: str) -> None:
        if self.now() >= until:
            raise TimeoutError(otherwise)
