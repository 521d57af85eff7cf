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

#: The width when no person reads, so that nothing is cut.
_WIDTH_OF_A_PIPE = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    as_json: bool

    def show(self, shown: RenderableType) -> None:
        """Prints for people only. The terminal wraps long lines, so that they can be copied and searched as one."""
        if not self.as_json:
            console().print(shown, soft_wrap=isinstance(shown, Text))

    def document(self, value: object) -> None:
        """Prints JSON on one line, for programs only."""
        if self.as_json:
            is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
            print(json.dumps(value, ensure_ascii=not is_utf8))  # noqa: T201 - the command's output

    def either(self, document: Mapping[str, Any], shown: RenderableType) -> None:
        self.document(document)
        self.show(shown)


def console() -> Console:
    """Makes a new console each time, because tests and pipes change standard output."""
    is_sized = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    return Console(highlight=False, markup=False, emoji=False, width=None if is_sized else _WIDTH_OF_A_PIPE)


def errors() -> Console:
    return Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)


def say(words: str) -> None:
    """Tells a person something on standard error, apart from the command's output."""
    errors().print(words)
