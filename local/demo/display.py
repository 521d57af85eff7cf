"""Shows how many notifications are in which state: a live table on a terminal, plain lines elsewhere."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.table import Table

from delivery.domain.record import Status
from local.demo.observer import Findings

_PLAIN_EVERY = 2.0
_BAR = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    seconds: float
    by_status: Sequence[tuple[Status, int]]
    rejects: int
    calls: int
    accepted: int

    @classmethod
    def of(cls, found: Findings, *, rejects: int, seconds: float) -> "Snapshot":
        counts = Counter(row.status for row in found.rows.values())
        return cls(
            seconds=seconds,
            by_status=[(status, counts[status]) for status in Status],
            rejects=rejects,
            calls=sum(found.calls.values()),
            accepted=sum(found.accepted.values()),
        )

    @property
    def counts(self) -> tuple[object, ...]:
        """Everything that a line shows, except the time."""
        return (*self.by_status, self.rejects, self.calls, self.accepted)


Show = Callable[[Snapshot], None]


@contextmanager
def live_display(console: Console, *, now: Callable[[], float] = time.monotonic) -> Iterator[Show]:
    """Yields the function that shows a snapshot."""
    if not console.is_terminal:
        yield _PlainLines(console, now).show
        return
    with Live(console=console, auto_refresh=False) as live:
        yield lambda snapshot: live.update(_table(snapshot), refresh=True)


class _PlainLines:
    def __init__(self, console: Console, now: Callable[[], float]) -> None:
        self._console = console
        self._now = now
        self._shown: tuple[object, ...] = ()
        self._shown_at = -_PLAIN_EVERY

    def show(self, snapshot: Snapshot) -> None:
        """Prints a line if something has changed, at most every two seconds."""
        if snapshot.counts == self._shown or self._now() - self._shown_at < _PLAIN_EVERY:
            return
        self._shown, self._shown_at = snapshot.counts, self._now()
        self._console.print(_line(snapshot), highlight=False, soft_wrap=True)


def _line(snapshot: Snapshot) -> str:
    states = ", ".join(f"{count} {status}" for status, count in snapshot.by_status)
    feishu = f"Feishu: {snapshot.calls} calls, {snapshot.accepted} accepted"
    return f"{snapshot.seconds:5.1f} s: {states}, {snapshot.rejects} rejected; {feishu}"


def _table(snapshot: Snapshot) -> Table:
    table = Table(title=f"{snapshot.seconds:.0f} s", title_justify="left", box=None)
    table.add_column("state", min_width=10)
    table.add_column("", justify="right", min_width=5)
    table.add_column("", min_width=_BAR)
    counted = [*((status.value, count) for status, count in snapshot.by_status), ("rejected", snapshot.rejects)]
    most = max(1, *(count for _, count in counted))
    for name, count in counted:
        table.add_row(name, str(count), "█" * -(-count * _BAR // most))
    table.caption = f"Feishu: {snapshot.calls} calls, {snapshot.accepted} accepted"
    table.caption_justify = "left"
    return table
