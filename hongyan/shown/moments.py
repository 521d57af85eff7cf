"""Times as operators write and read them: in this machine's zone, or so long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import typer

_AGO = re.compile(r"([0-9]{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_HOW = "write a time such as 2h or 3d (ago), 2026-11-26, 2026-11-26T08:30 (here) or 2026-11-26T08:30:00Z"


def moment_of(text: str) -> datetime:
    """Reads an option's value. A time without a zone is in this machine's zone."""
    try:
        if ago := _AGO.fullmatch(text):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise typer.BadParameter(_HOW) from None


def rfc3339(moment: datetime) -> str:
    """Writes the time as the API takes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def here(text: object) -> str:
    """An answer's time in this machine's zone, with the zone's name."""
    try:
        return datetime.fromisoformat(str(text)).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    except ValueError:
        return str(text)
