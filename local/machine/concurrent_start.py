"""Starts servers concurrently, and ends them concurrently."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from typing import TypeVar

Server = TypeVar("Server")


class ConcurrentStart:
    """Enters context managers in threads. All that were entered are left with `exits`, even if another one fails."""

    def __init__(self, exits: ExitStack, *, say: Callable[[str], None]) -> None:
        self._threads = ThreadPoolExecutor(thread_name_prefix="start")
        self._say = say
        exits.callback(self._threads.shutdown, wait=False, cancel_futures=True)
        self._entered: list[ExitStack] = []
        exits.callback(self._leave)
        self._starting: list[Future[object]] = []

    def start(self, name: str, manager: AbstractContextManager[Server]) -> Future[Server]:
        started = self._threads.submit(self._enter, name, manager)
        self._starting.append(started)  # type: ignore[arg-type]  # its result is not used here
        return started

    def wait(self) -> None:
        """Waits until each has started or failed, then raises the first failure."""
        errors = [error for started in self._starting if (error := started.exception())]
        for error in errors:
            raise error

    def _enter(self, name: str, manager: AbstractContextManager[Server]) -> Server:
        began = time.monotonic()
        own_exit = ExitStack()
        server = own_exit.enter_context(manager)
        self._entered.append(own_exit)
        self._say(f"hongyan: {name} is up ({time.monotonic() - began:.1f} s)")
        return server

    def _leave(self) -> None:
        with ThreadPoolExecutor(thread_name_prefix="end") as threads:
            list(threads.map(ExitStack.close, self._entered))
