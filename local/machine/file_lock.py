"""A lock on a file, which the kernel releases however its process ends, and which names the process that holds it.

`filelock` takes the same `flock`, but it does not say who holds it, and on a file system without `flock` it falls back
to a lock that outlives a killed process.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from local.machine.processes import CannotStartError


@contextmanager
def hold_lock(path: Path, *, busy: str) -> Iterator[None]:
    """Holds the lock for the length of the block; the error is `busy` with the pid of the process that has it."""
    with _opened(path) as file:
        if not _taken(file):
            raise CannotStartError(f"{busy} (pid {_written_pid(file) or 'unknown'} holds {path})")
        yield


@contextmanager
def wait_for_lock(path: Path, *, waiting: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock for the length of the block, and first waits while another process has it."""
    with _opened(path) as file:
        if not _taken(file):
            waiting(f"waiting for pid {_written_pid(file) or 'unknown'}, which holds {path}")
            fcntl.flock(file, fcntl.LOCK_EX)
            _write_pid(file)
        yield


def lock_holder(path: Path) -> int | None:
    """The pid of the process that holds the lock, or None when it is free."""
    if not path.exists():
        return None
    with path.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _written_pid(file)
        return None


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """Closing the file releases the lock. The file is never removed: another process may be waiting for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        yield file


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    _write_pid(file)
    return True


def _write_pid(file: IO[str]) -> None:
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()


def _written_pid(file: IO[str]) -> int | None:
    file.seek(0)
    text = file.read().strip()
    return int(text) if text.isdigit() else None
