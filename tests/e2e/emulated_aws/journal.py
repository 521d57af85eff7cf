"""Reads what the toy function `journal` wrote down."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Journal:
    file: Path

    def events(self) -> list[dict[str, Any]]:
        """The events in the order in which they were begun."""
        return [line["event"] for line in self._lines() if "event" in line]

    def bodies(self) -> list[list[str]]:
        """Of each event from a queue, the bodies of its messages."""
        return [[record["body"] for record in event["Records"]] for event in self.events()]

    def most_at_once(self) -> int:
        """How many events were in hand at the busiest moment."""
        moments = [(line["began"], 1) for line in self._lines() if "began" in line]
        moments += [(line["ended"], -1) for line in self._lines() if "ended" in line]
        running = [0]
        for _, change in sorted(moments):
            running.append(running[-1] + change)
        return max(running)

    def _lines(self) -> list[dict[str, Any]]:
        """Whole ones: the last may still be in the writing."""
        text = self.file.read_text() if self.file.exists() else ""
        return [json.loads(line) for line in text.rpartition("\n")[0].splitlines()]
