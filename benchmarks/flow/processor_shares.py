"""Reads from /proc which group of processes used the processors, and how busy they were altogether."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")
#: the columns of /proc/stat's first line (proc(5)); time of guests is in `user` already
_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_NOT_BUSY = ("idle", "iowait", "steal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Processor seconds."""

    groups: Mapping[str, float]
    #: of the whole machine: what every process used, and what there was
    busy: float
    there: float

    def since(self, earlier: "Usage") -> "Usage":
        groups = {name: seconds - earlier.groups.get(name, 0) for name, seconds in self.groups.items()}
        return Usage(groups=groups, busy=self.busy - earlier.busy, there=self.there - earlier.there)

    @property
    def by_others(self) -> float:
        """The seconds used by other programs and by the kernel."""
        return max(self.busy - sum(self.groups.values()), 0.0)


def usage(group_of: Callable[[int, str], str]) -> Usage:
    """The usage since the processes began. `group_of` maps a process's id and command line to its group."""
    groups: defaultdict[str, float] = defaultdict(float)
    for pid in _family(os.getpid()):
        with suppress(OSError):  # the process may have ended
            groups[group_of(pid, _command_line(pid))] += _seconds(pid)
    machine = _machine()
    there, idle = sum(machine.values()), sum(machine[mode] for mode in _NOT_BUSY)
    return Usage(groups=groups, busy=there - idle, there=there)


def variable(pid: int, name: str) -> str:
    """A variable of a process's environment as of its start."""
    prefix = f"{name}=".encode()
    values = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    return next((value[len(prefix) :].decode() for value in values if value.startswith(prefix)), "")


def _family(root: int) -> list[int]:
    """A process and all of its descendants."""
    parents = _parents()
    found = [root]
    for pid in found:  # grows while it is walked
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def _parents() -> Mapping[int, int]:
    parents: dict[int, int] = {}
    for pid in (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()):
        with suppress(OSError):
            parents[pid] = int(_fields(pid)[1])
    return parents


def _seconds(pid: int) -> float:
    """The seconds in user and kernel mode of all threads (proc(5): utime and stime)."""
    fields = _fields(pid)
    return (int(fields[11]) + int(fields[12])) / _TICK


def _fields(pid: int) -> list[str]:
    """The fields after the second, which is a name in parentheses that may hold anything."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _command_line(pid: int) -> str:
    return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def _machine() -> Mapping[str, float]:
    ticks = (_PROC / "stat").read_text().splitlines()[0].split()[1:]
    return {name: int(value) / _TICK for name, value in zip(_MODES, ticks, strict=False)}
