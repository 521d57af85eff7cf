"""Rotates the data key, and seals all stored credentials anew under the newest one.

Both may be done at any time: older keys go on opening what was sealed with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from delivery.domain.operating import Action, Resealed

_SET = 200
#: No set begins with less time left than this, which is far more than any set has taken.
_FOR_A_SET = timedelta(seconds=2)


class RotatableKeys(Protocol):
    def rotate(self, action: Action) -> int: ...


class ResealStore(Protocol):
    def reseal_set(self, action: Action, *, after: int, size: int, now: datetime) -> Resealed: ...

    def left(self, after: int) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """Makes a new data key. Two calls make two keys, and the newer one seals."""

    keys: RotatableKeys

    def rotate(self, *, actor: str) -> int:
        """Returns the id of the new key, which seals everything saved from now on."""
        return self.keys.rotate(Action(actor=actor, action="rotate", filter={}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealer:
    """Reseals credentials under the newest key, including those that the Go service left in plain text."""

    store: ResealStore
    now: Callable[[], datetime]

    def run(self, *, actor: str, until: datetime, begin: int = 0) -> Resealed:
        """Reseals the channels after the id `begin`, set by set, until time is nearly up.

        What a user saves meanwhile wins. Running it again changes only what is not under the newest key yet.
        """
        done = Resealed(next=begin)
        action = Action(actor=actor, action="reseal", filter={})
        while done.next is not None and (done.next == begin or self.now() + _FOR_A_SET <= until):
            part = self.store.reseal_set(action, after=done.next, size=_SET, now=self.now())
            done = replace(part, changed=done.changed + part.changed, unreadable=done.unreadable + part.unreadable)
        return done if done.next is None else replace(done, left=self.store.left(done.next))
