"""Turns Ctrl-C, `make down` and a closed terminal into one exception, so that everything is ended in order."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_interrupted = threading.Event()


class Interrupted(BaseException):
    """Raised in the main thread at whatever point it has reached."""


def raise_interrupts() -> None:
    for number in _ENDING:
        signal.signal(number, _interrupt)


def wait_for_interrupt() -> None:
    """Also returns for an earlier interrupt: library code may have swallowed its exception."""
    while not _interrupted.wait(1.0):
        pass


@contextmanager
def uninterrupted_end() -> Iterator[None]:
    """Ignores further signals after the block, so that they cannot stop the cleaning up, which has time limits."""
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            _ignore_if_ours()


def _ignore_if_ours() -> None:
    for number in _ENDING:
        if signal.getsignal(number) is _interrupt:
            signal.signal(number, signal.SIG_IGN)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _interrupted.set()
    raise Interrupted
