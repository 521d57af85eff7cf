"""Waits between tries. A wait ends at once when the stack ends."""

import threading

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.25, 5.0


class Backoff:
    """Each pause is twice as long as the one before, up to five seconds."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._pause_seconds = _FIRST_PAUSE_SECONDS

    def wait(self) -> None:
        self._stop.wait(self._pause_seconds)
        self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
