"""Ctrl-C, `make down` and a closing terminal: each ends what runs in an orderly way, once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_wanted = threading.Event()


class Interrupted(BaseException):
    """Raised in the main thread, wherever it is."""


def raise_interrupts() -> None:
    for number in _ENDING:
        signal.signal(number, _interrupt)


def wait_for_interrupt() -> None:
    """Returns also for an interrupt that came before: library code on its way may have swallowed the exception."""
    while not _wanted.wait(1.0):
        pass


@contextmanager
def uninterrupted_end() -> Iterator[None]:
    """Whoever is impatient cannot stop the cleaning up that follows this block; all of it has time limits."""
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
    _wanted.set()
    raise Interrupted
