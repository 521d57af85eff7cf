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
#: A set is not begun with less time than this: the longest that one has taken is far below it.
_FOR_A_SET = timedelta(seconds=2)


class RotatableKeys(Protocol):
    def rotate(self, action: Action) -> int: ...


class ResealStore(Protocol):
    def reseal_set(self, action: Action, *, after: int, size: int, now: datetime) -> Resealed: ...

    def left(self, after: int) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """Makes a new data key. Asked for twice, it makes two, of which the newer one seals."""

    keys: RotatableKeys

    def rotate(self, *, actor: str) -> int:
        """The id of the new key, under which everything is sealed that is saved from now on."""
        return self.keys.rotate(Action(actor=actor, action="rotate", filter={}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealer:
    """Seals under the newest key what is sealed under older ones, and what the Go service left in plain text."""

    store: ResealStore
    now: Callable[[], datetime]

    def run(self, *, actor: str, until: datetime, begin: int = 0) -> Resealed:
        """Goes through the channels behind the id `begin`, in sets, until its time is nearly up.

        What a user saves meanwhile wins. Doing it again changes only what is not under the newest key yet.
        """
        done = Resealed(next=begin)
        action = Action(actor=actor, action="reseal", filter={})
        while done.next is not None and (done.next == begin or self.now() + _FOR_A_SET <= until):
            part = self.store.reseal_set(action, after=done.next, size=_SET, now=self.now())
            done = replace(part, changed=done.changed + part.changed, unreadable=done.unreadable + part.unreadable)
        return done if done.next is None else replace(done, left=self.store.left(done.next))
