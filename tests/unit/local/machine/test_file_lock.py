"""One lock per checkout, and things that are made once whoever is killed while making them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from local.machine.file_lock import hold_lock, lock_holder, wait_for_lock
from local.machine.make_once import make_once
from local.machine.processes import CannotStartError
from tests.waiting import until

HOLD = """
import sys
from pathlib import Path
from local.machine.file_lock import hold_lock
with hold_lock(Path(sys.argv[1]), busy="never said"):
    print(flush=True)
    sys.stdin.read()
"""

MAKE_AND_HANG = """
import sys
from pathlib import Path
from local.machine.make_once import make_once

def make(directory):
    (directory / "half").write_text("half")
    print(flush=True)
    sys.stdin.read()

make_once(Path(sys.argv[1]), make, say=print)
"""


@contextmanager
def other_process(script: str, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Runs the script until the end of the block; it has printed a line by then."""
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process
        process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new directory" / "lock"


def test_who_comes_second_is_told_who_has_it(path: Path):
    """The pid is what one needs to find, or to end, the other."""
    with other_process(HOLD, path) as other:
        assert lock_holder(path) == other.pid
        with pytest.raises(CannotStartError, match=rf"the stack is running already \(pid {other.pid} holds "):
            hold_lock(path, busy="the stack is running already").__enter__()


def test_a_killed_holder_holds_nothing(path: Path):
    """The kernel lets go of the lock; the file that stays means nothing."""
    with other_process(HOLD, path) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert path.exists()
        assert lock_holder(path) is None
        with hold_lock(path, busy="the stack is running already"):
            assert lock_holder(path) == os.getpid()
        assert lock_holder(path) is None


def test_a_lock_nobody_ever_took_is_free(path: Path):
    """Asking makes no file."""
    assert lock_holder(path) is None
    assert not path.exists()


def test_a_turn_comes_when_the_other_is_done(path: Path):
    """Waiting is said, with the pid that is waited for, and then goes on by itself."""
    said: list[str] = []
    entered: list[bool] = []

    def wait() -> None:
        with wait_for_lock(path, waiting=said.append):
            entered.append(True)

    with other_process(HOLD, path) as other:
        thread = Thread(target=wait)
        thread.start()
        until(lambda: said)
        assert (entered, f"pid {other.pid}" in said[0]) == ([], True)
    thread.join(30)
    assert entered


def test_what_is_there_is_not_made_again(tmp_path: Path):
    """The second call is free."""
    made: list[Path] = []
    target = tmp_path / "cache" / "thing"
    for _ in range(2):
        assert make_once(target, made.append, say=print) == target
    assert len(made) == 1
    assert target.is_dir()


def test_a_failed_making_leaves_nothing(tmp_path: Path):
    """Neither the target nor what was begun."""

    def fail(directory: Path) -> None:
        (directory / "half").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        make_once(tmp_path / "thing", fail, say=print)
    assert [path.name for path in tmp_path.iterdir()] == [".thing.lock"]


def test_a_killed_making_is_done_again(tmp_path: Path):
    """Half a thing is never taken for a whole one, and does not stay on the disk."""
    target = tmp_path / "thing"
    with other_process(MAKE_AND_HANG, target) as other:
        other.send_signal(signal.SIGKILL)
    assert not target.exists()
    assert [path.read_text() for path in tmp_path.glob("*/half")] == ["half"]
    make_once(target, lambda directory: (directory / "whole").touch(), say=print)
    assert [path.name for path in tmp_path.glob("*/*")] == ["whole"]


def test_two_at_once_make_one(tmp_path: Path):
    """The second waits for the first and finds the thing made."""
    said: list[str] = []
    target = tmp_path / "thing"
    never = Thread(target=make_once, args=[target, lambda directory: directory / 0], kwargs={"say": said.append})
    with other_process(MAKE_AND_HANG, target) as other:
        never.start()
        until(lambda: said)
        assert other.stdin is not None
        other.stdin.close()
        other.wait()
    never.join(30)
    assert [path.name for path in target.iterdir()] == ["half"]
