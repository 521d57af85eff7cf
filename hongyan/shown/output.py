"""Prints what a command found: answers to standard output, everything else to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

#: Nothing is cut where no person looks at it.
_WIDTH_OF_A_PIPE = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    as_json: bool

    def show(self, shown: RenderableType) -> None:
        """For people alone. The terminal wraps a line of text, so that it is copied and searched as one."""
        if not self.as_json:
            console().print(shown, soft_wrap=isinstance(shown, Text))

    def document(self, value: object) -> None:
        """For programs alone: JSON on one line."""
        if self.as_json:
            is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
            print(json.dumps(value, ensure_ascii=not is_utf8))  # noqa: T201 - it is what the command is for

    def either(self, document: Mapping[str, Any], shown: RenderableType) -> None:
        self.document(document)
        self.show(shown)


def console() -> Console:
    """Made anew, since tests and pipes change standard output."""
    is_sized = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    return Console(highlight=False, markup=False, emoji=False, width=None if is_sized else _WIDTH_OF_A_PIPE)


def errors() -> Console:
    return Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def say(words: str) -> None:
    """To a person, beside what the command prints."""
    errors().print(words)
