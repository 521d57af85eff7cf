"""One lock per file, held by a process and let go by the kernel however that process ends."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from local.machine.processes import CannotStartError


@contextmanager
def sole_use(path: Path, *, busy: str) -> Iterator[None]:
    """Holds the lock for the length of the block; when another process has it, says `busy` and that process's pid."""
    with _opened(path) as file:
        if not _taken(file):
            raise CannotStartError(f"{busy} (pid {_written_pid(file) or 'unknown'} holds {path})")
        yield


@contextmanager
def turn(path: Path, *, waiting: Callable[[str], None]) -> Iterator[None]:
    """Holds the lock for the length of the block, after whoever has it; says so when it has to wait."""
    with _opened(path) as file:
        if not _taken(file):
            waiting(f"waiting for pid {_written_pid(file) or 'unknown'}, which holds {path}")
            fcntl.flock(file, fcntl.LOCK_EX)
            _write_pid(file)
        yield


def holder(path: Path) -> int | None:
    """The pid that holds the lock now, or nothing when it is free."""
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
    """Closing the file lets the lock go. It is never removed: another process may be waiting on this very file."""
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
