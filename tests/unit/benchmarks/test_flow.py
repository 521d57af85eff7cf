"""What the benchmark of the whole flow says of the processors is what the processes used."""

import os
import subprocess
import sys
import time

from benchmarks.flow.flow_rate import in_words
from benchmarks.flow.processor_shares import Usage, usage, variable

_SPIN = "while True: pass"


def test_a_busy_child_is_counted_in_its_own_group() -> None:
    """A process that spins until it has used a tenth of a second shows in its group, and in what the machine used."""
    with subprocess.Popen([sys.executable, "-c", _SPIN], env={**os.environ, "WORD": "spinner"}) as child:
        try:
            before = usage(_group)
            deadline = time.monotonic() + 60
            while (used := usage(_group).since(before)).groups["spinner"] < 0.1:
                assert time.monotonic() < deadline
            assert used.busy >= 0.05
        finally:
            child.kill()


def test_busy_processors_are_what_held_back() -> None:
    used = Usage(groups={"MySQL": 3.0, "the function send": 6.0}, busy=10.0, there=10.5)
    assert in_words(used, notifications=1_000) == (
        "held back by the processors, which were 95% busy: 60% the function send (6.00 ms each), "
        "30% MySQL (3.00 ms each), 10% other programs and the kernel"
    )


def test_idle_processors_are_not_what_held_back() -> None:
    used = Usage(groups={"MySQL": 2.0}, busy=2.0, there=10.0)
    assert in_words(used, notifications=1_000).startswith(
        "held back by waiting and not by the processors, which were 20%"
    )


def _group(pid: int, _command: str) -> str:
    return variable(pid, "WORD") or "others"
