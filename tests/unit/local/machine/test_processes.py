"""Servers as processes: what they say when they fail, and that none outlives the one that started it."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from local.machine.processes import CannotStartError, ServerProcess, run_to_end, running, spawn, wait_until_ready
from tests.waiting import is_gone, until

OUTLIVING = """
import sys
from pathlib import Path
from local.machine.processes import spawn
print(spawn(["sleep", "300"], name="sleeper", log=Path(sys.argv[1])).pid, flush=True)
sys.stdin.read()
"""


def shell(script: str, log: Path) -> ServerProcess:
    return spawn(["sh", "-c", script], name="the server", log=log)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "with a space" / "server.log"


def test_a_server_that_dies_while_starting_is_reported_with_its_log_tail(log: Path):
    """The person who started it learns the reason without looking for a log."""
    server = shell("echo the port is taken >&2; exit 3", log)
    with pytest.raises(CannotStartError, match=r"the server ended with code 3 while starting(.|\n)*the port is taken"):
        wait_until_ready(server, lambda: False)


def test_a_server_that_is_never_ready_is_given_up(log: Path):
    """Waiting has an end, and the message says how long that was."""
    with running(["sleep", "300"], name="the server", log=log) as server:
        with pytest.raises(CannotStartError, match="the server was not ready after 0 s"):
            wait_until_ready(server, lambda: False, within=0.1)
        assert server.alive()


def test_log_tail_are_those_of_this_run(log: Path):
    """The log keeps earlier runs, which would mislead here."""
    shell("echo first", log).popen.wait()
    second = shell("echo second", log)
    second.popen.wait()
    assert second.log_tail() == "second"
    assert log.read_text() == "first\nsecond\n"


def test_a_server_deaf_to_sigterm_is_killed(log: Path):
    """Nothing is left behind because a server takes its time."""
    server = shell("trap '' TERM; echo deaf; while :; do sleep 1; done", log)
    until(lambda: "deaf" in server.log_tail())
    server.end(grace=0.2)
    assert server.popen.returncode == -signal.SIGKILL


def test_what_a_dead_server_started_ends_too(log: Path):
    """An emulator that crashed leaves its runtime behind: ending the dead server takes care of that."""
    server = shell("sleep 300 & echo $!", log)
    server.popen.wait()
    child = int(server.log_tail())
    assert not is_gone(child)
    server.end()
    until(lambda: is_gone(child))


def test_a_server_ends_with_a_parent_that_was_killed(log: Path):
    """SIGKILL leaves the parent no time to clean up, so the kernel does it."""
    command = [sys.executable, "-c", OUTLIVING, str(log)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        assert not is_gone(server)
        parent.kill()
    until(lambda: is_gone(server))


def test_a_server_started_by_a_short_lived_thread_stays(log: Path):
    """To the kernel the thread is the parent, and threads of a pool come and go."""
    started: list[ServerProcess] = []
    thread = Thread(target=lambda: started.append(spawn(["sleep", "300"], name="sleeper", log=log)))
    thread.start()
    thread.join()
    with pytest.raises(subprocess.TimeoutExpired):
        started[0].popen.wait(0.5)
    started[0].end()


def test_a_step_that_fails_says_so(log: Path):
    """A step has no reader at its output: what it printed last is the message."""
    with pytest.raises(CannotStartError, match=r"the step failed with code 7(.|\n)*disk full"):
        run_to_end(["sh", "-c", "echo disk full; exit 7"], name="the step", log=log)


def test_a_program_that_does_not_exist_is_named(log: Path):
    """The message is the operating system's, not a stack trace."""
    with pytest.raises(CannotStartError, match="no-such-program: No such file or directory"):
        run_to_end(["no-such-program"], name="the step", log=log)


def test_the_environment_is_added_to_or_replaced(log: Path, monkeypatch: pytest.MonkeyPatch):
    """Servers want the machine's PATH; a Lambda sees nothing of the machine."""
    monkeypatch.setenv("OURS", "seen")
    show = ["/bin/sh", "-c", "echo $OURS $THEIRS"]
    run_to_end(show, name="added", log=log, env={"THEIRS": "too"})
    alone = spawn(show, name="replaced", log=log, env={"THEIRS": "alone"}, inherit=False)
    alone.popen.wait()
    assert log.read_text().splitlines() == ["seen too", "alone"]


def test_a_signal_for_us_is_none_for_the_server(log: Path):
    """Ctrl-C reaches the foreground process group, and we end the servers in order."""
    with running(["sleep", "300"], name="sleeper", log=log) as server:
        assert os.getpgid(server.pid) == server.pid != os.getpgid(0)
