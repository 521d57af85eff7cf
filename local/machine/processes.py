"""Runs servers as child processes, each with a log file; none outlives this process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from local.machine import die_with_parent


class CannotStartError(Exception):
    """Something that the user has to fix. The message gives the cause and then the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerProcess:
    #: for messages
    name: str
    #: stdout and stderr; the output of earlier runs ends at `log_start`
    log: Path
    log_start: int
    popen: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.popen.pid

    def alive(self) -> bool:
        return self.popen.poll() is None

    def log_tail(self, lines: int = 12) -> str:
        with self.log.open("rb") as file:
            file.seek(self.log_start)
            text = file.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def end(self, *, grace: float = 15.0) -> None:
        """Sends SIGTERM to the process group, and SIGKILL to what is left of it after `grace` seconds."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.popen.wait(grace)
        self._signal(signal.SIGKILL)
        self.popen.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):  # macOS raises EPERM when only a zombie is left
            os.killpg(self.pid, number)


def spawn(
    command: Sequence[str | Path],
    *,
    name: str,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    inherit: bool = True,
) -> ServerProcess:
    """Starts a server in a process group of its own. `env` is added to our environment, or replaces it."""
    log.parent.mkdir(parents=True, exist_ok=True)
    leash = [sys.executable, "-I", "-S", die_with_parent.__file__, str(os.getpid())]
    with log.open("ab") as file:
        popen = _long_lived_thread(os.getpid()).submit(
            subprocess.Popen,
            [*leash, *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env={**(os.environ if inherit else {}), **(env or {})},
            start_new_session=True,
        )
        return ServerProcess(name=name, log=log, log_start=file.tell(), popen=popen.result())


@cache
def _long_lived_thread(_pid: int) -> ThreadPoolExecutor:
    """The kernel takes the *thread* that forked for the parent: a child of a short-lived thread would die with it."""
    return ThreadPoolExecutor(1, thread_name_prefix="spawn")


def run_to_end(
    command: Sequence[str | Path],
    *,
    name: str,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Runs a command that ends by itself, and reports a failure with the end of its output."""
    with running(command, name=name, log=log, cwd=cwd, env=env) as step:
        if code := step.popen.wait():
            raise CannotStartError(_report(step, f"failed with code {code}"))


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    name: str,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[ServerProcess]:
    """Runs a server for the length of the block."""
    server = spawn(command, name=name, log=log, cwd=cwd, env=env)
    try:
        yield server
    finally:
        server.end()


def wait_until_ready(server: ServerProcess, ready: Callable[[], bool], *, within: float = 180.0) -> None:
    """Waits until `ready()`. A server that dies or takes too long is reported with the end of its log."""
    deadline = time.monotonic() + within
    while not ready():
        if not server.alive():
            raise CannotStartError(_report(server, f"ended with code {server.popen.returncode} while starting"))
        if time.monotonic() > deadline:
            raise CannotStartError(_report(server, f"was not ready after {within:.0f} s"))
        time.sleep(0.03)


def _report(server: ServerProcess, what: str) -> str:
    return f"{server.name} {what}; the end of {server.log}:\n{server.log_tail() or '(empty)'}"
