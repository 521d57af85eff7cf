"""The execution environments of one function, shared by all threads that invoke it; a dead one is replaced."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import LifoQueue

from local.lambda_.emulator import Emulator, InvokeResult, lost_worker
from local.machine.processes import CannotStartError
from local.template.deployment import Function

Start = Callable[[], Emulator]


class WorkerPool:
    """Up to `size` workers, each started when an event needs it. When all are busy, an event waits."""

    def __init__(self, function: Function, start: Start, *, size: int) -> None:
        self.function = function
        self.size = size
        self._start = start
        # Last in, first out, so that a warm worker is preferred, as on Lambda. None is a slot without a worker yet.
        self._slots: LifoQueue[Emulator | None] = LifoQueue()
        for _ in range(size):
            self._slots.put(None)
        self._state = threading.Lock()
        self._workers: set[Emulator] = set()
        self._busy: set[Emulator] = set()
        self._closed = False

    def invoke(self, event: bytes) -> InvokeResult:
        """Passes the event to one worker. A worker that dies or cannot start is an error result, not an exception."""
        slot = self._slots.get()
        worker = None
        try:
            worker = self._ready(slot)
            with self._counted_busy(worker):
                answer = worker.invoke(event)
            if answer.worker_lost:
                self._retire(worker)
                worker = None
        except CannotStartError as error:
            return lost_worker(str(error))
        else:
            return answer
        finally:
            self._slots.put(worker)

    def busy(self) -> list[Emulator]:
        """The workers that are handling an event now."""
        with self._state:
            return list(self._busy)

    def close(self) -> None:
        """Ends every worker, busy or not, and starts no further one."""
        with self._state:
            self._closed = True
            workers, self._workers = self._workers, set()
        for worker in workers:
            worker.end()

    def _ready(self, slot: Emulator | None) -> Emulator:
        if slot and slot.alive():
            return slot
        if slot:
            self._retire(slot)
        worker = self._start()
        with self._state:
            if not self._closed:
                self._workers.add(worker)
                return worker
        worker.end()
        raise CannotStartError(f"{self.function.name}: the local stack is ending")

    def _retire(self, worker: Emulator) -> None:
        with self._state:
            self._workers.discard(worker)
        worker.end()

    @contextmanager
    def _counted_busy(self, worker: Emulator) -> Iterator[None]:
        with self._state:
            self._busy.add(worker)
        try:
            yield
        finally:
            with self._state:
                self._busy.discard(worker)
