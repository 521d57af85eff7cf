"""A mutant: a module's source with one small change, and its name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What a mutant is called in `equivalent.toml`: it has no line number, so that it survives other changes."""

    module: str
    #: The function or class; empty outside.
    where: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.module}  {self.where}\n  - {self.was}\n  + {self.now}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    key: Key
    source: str
    #: The lines that have to be run for the change to have an effect; none if it has one at import.
    lines: frozenset[int]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.source.encode()).hexdigest()[:20]
