"""What event sources share: an event goes to a function and its answer comes back; no event is over Lambda's 6 MB."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator

from local.lambda_.emulator import Answer

#: gives an event to the function and waits; safe to call from several threads
Invoke = Callable[[bytes], Answer]
#: one line for whoever watches
Report = Callable[[str], None]

MAX_EVENT_BYTES = 6 * 1024 * 1024
#: for what stands around the records
ROOM_FOR_THE_ENVELOPE = 16 * 1024
MAX_RECORDS_BYTES = MAX_EVENT_BYTES - ROOM_FOR_THE_ENVELOPE

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0


def parcels(records: Iterable[str]) -> Iterator[list[str]]:
    """Encoded records in their order, as few lists as fit into events; a record that is too large has its own."""
    parcel: list[str] = []
    size = 0
    for record in records:
        weight = len(record.encode()) + 1
        if parcel and size + weight > MAX_RECORDS_BYTES:
            yield parcel
            parcel, size = [], 0
        parcel.append(record)
        size += weight
    if parcel:
        yield parcel


class Patience:
    """Pauses between tries, each twice the one before, cut short when everything is to end."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._pause = _FIRST_PAUSE

    def wait(self) -> None:
        self._stop.wait(self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)


def seconds_until(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())
