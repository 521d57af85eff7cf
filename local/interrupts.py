"""Ctrl-C, `make down` and a closing terminal: each ends what runs in an orderly way, and only the first one counts."""

import signal
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Raised in the main thread, wherever it is."""


def raise_interrupts() -> None:
    for number in _ENDING:
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Impatience must not stop the cleaning up half way: everything in it has a time limit of its own."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    raise Interrupted
