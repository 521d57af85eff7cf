"""The execution environments of one function: events in from any thread, answers out; what dies is replaced."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import LifoQueue

from local.lambda_.emulator import Answer, Emulator, lost
from local.machine.processes import CannotStartError
from local.template.deployment import Function

Start = Callable[[], Emulator]


class WorkerPool:
    """Up to `size` workers, started when an event needs one; further events wait for a worker to be free."""

    def __init__(self, function: Function, start: Start, *, size: int) -> None:
        self.function = function
        self.size = size
        self._start = start
        # Last in, first out: a warm worker before a cold one, as on Lambda. None is a place without a worker yet.
        self._places: LifoQueue[Emulator | None] = LifoQueue()
        for _ in range(size):
            self._places.put(None)
        self._state = threading.Lock()
        self._workers: set[Emulator] = set()
        self._busy: set[Emulator] = set()
        self._closed = False

    def invoke(self, event: bytes) -> Answer:
        """One event to one worker. An answer is a value, whatever happens to the worker."""
        place = self._places.get()
        worker = None
        try:
            worker = self._ready(place)
            with self._counted_busy(worker):
                answer = worker.invoke(event)
            if answer.worker_lost:
                self._retire(worker)
                worker = None
            else:
                worker.runtime_pid()
        except CannotStartError as error:
            return lost(str(error))
        else:
            return answer
        finally:
            self._places.put(worker)

    def busy(self) -> list[Emulator]:
        """The workers that have an event in hand right now."""
        with self._state:
            return list(self._busy)

    def close(self) -> None:
        """Ends every worker, whatever it is doing; no further one is started."""
        with self._state:
            self._closed = True
            workers, self._workers = self._workers, set()
        for worker in workers:
            worker.end()

    def _ready(self, place: Emulator | None) -> Emulator:
        if place and place.alive():
            return place
        if place:
            self._retire(place)
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
