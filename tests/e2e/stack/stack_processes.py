"""Runs `python -m local` as a child process, and finds all processes of its stack."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.home import HOME
from local.machine.file_lock import wait_for_lock
from tests.waiting import is_gone, until

#: in a stack's home: a directory in which hongyan finds the stack
_CHECKOUT = "checkout"


@dataclass(frozen=True, kw_only=True)
class StackProcess:
    home: Path
    popen: subprocess.Popen[str]

    def endpoints(self) -> dict[str, Any]:
        file = self.home / "endpoints.json"
        endpoints: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        return endpoints

    def up(self) -> dict[str, Any]:
        """The endpoints, once they are there; a stack that ends instead tells why."""

        def there() -> dict[str, Any]:
            assert self.popen.poll() is None, self.said()
            return self.endpoints()

        return until(there, within=300)

    def said(self) -> str:
        return (self.home / "said.txt").read_text()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A further command on the same home."""
        command = [sys.executable, "-m", "local", "--home", str(self.home), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)

    def hongyan(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """As an operator types it in the stack's checkout, without settings of their own."""
        command = [sys.executable, "-m", "hongyan", *arguments]
        theirs = {name: value for name, value in os.environ.items() if not name.startswith("HONGYAN_")}
        return subprocess.run(
            command,
            cwd=self.home / _CHECKOUT,
            env=theirs,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def processes(self) -> list[int]:
        """It and all below it, now."""
        return [self.popen.pid, *_below(self.popen.pid)]


@contextmanager
def starting(name: str, *, minute_seconds: float = 1) -> Iterator[StackProcess]:
    """`up` in a home of this name, which is kept between test runs, for its caches; killed at the end of the block."""
    home = home_for(name)
    with wait_for_lock(home / "test.lock", waiting=print), (home / "said.txt").open("w") as said:
        (home / "endpoints.json").unlink(missing_ok=True)
        options = ["up", "--fresh", "--minute-seconds", str(minute_seconds)]
        popen = subprocess.Popen(
            [sys.executable, "-m", "local", "--home", str(home), *options],
            stdout=said,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield StackProcess(home=home, popen=popen)
        finally:
            popen.kill()
            popen.wait()


def home_for(name: str) -> Path:
    """With this checkout's downloads, and with its layers if they have been built before."""
    home = HOME / "test" / name
    for directory in (home / _CHECKOUT, HOME / "cache"):
        directory.mkdir(parents=True, exist_ok=True)
    for link, to in ((home / "cache", HOME / "cache"), (home / _CHECKOUT / ".local", home)):
        with suppress(FileExistsError):
            link.symlink_to(to)
    built = next((path for path in (HOME / "cache" / "synth", HOME / "cdk.out") if path.exists()), None)
    if built and not (home / "cdk.out").exists():
        shutil.copytree(built, home / "cdk.out")
    return home


def all_gone(pids: Sequence[int]) -> bool:
    return all(map(is_gone, pids))


def _below(pid: int) -> list[int]:
    everyone = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    children = [process for process in everyone if _parent(process) == pid]
    return [*children, *(process for child in children for process in _below(child))]


def _parent(pid: int) -> int | None:
    with suppress(OSError):  # after the process's name, which may contain anything
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return None
