"""What a setting may be: each rule judges one value and says, in words for a person, what it should be."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Rule(Protocol):
    def accepts(self, value: object) -> bool: ...

    def __str__(self) -> str:
        """What the value should be, to stand after "should be"."""


@dataclass(frozen=True, slots=True)
class Whole:
    least: int
    most: int

    def accepts(self, value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and self.least <= value <= self.most

    def __str__(self) -> str:
        return f"a whole number from {self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class Number:
    least: float
    most: float

    def accepts(self, value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and self.least <= value <= self.most

    def __str__(self) -> str:
        return f"a number from {self.least:g} to {self.most:g}"


@dataclass(frozen=True, slots=True)
class Switch:
    def accepts(self, value: object) -> bool:
        return isinstance(value, bool)

    def __str__(self) -> str:
        return "true or false"


@dataclass(frozen=True, slots=True)
class OneOf:
    values: Sequence[object]

    def accepts(self, value: object) -> bool:
        return any(type(value) is type(allowed) and value == allowed for allowed in self.values)

    def __str__(self) -> str:
        return f"one of {', '.join(map(str, self.values))}"


@dataclass(frozen=True, slots=True)
class Text:
    #: what the whole text has to match
    pattern: str
    #: the same in words
    says: str

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and re.fullmatch(self.pattern, value) is not None

    def __str__(self) -> str:
        return self.says


@dataclass(frozen=True, slots=True)
class ListOf:
    item: Rule
    least: int = 0

    def accepts(self, value: object) -> bool:
        return isinstance(value, list | tuple) and len(value) >= self.least and all(map(self.item.accepts, value))

    def __str__(self) -> str:
        return f"a list{f' of at least {self.least}' if self.least else ''}, each {self.item}"
