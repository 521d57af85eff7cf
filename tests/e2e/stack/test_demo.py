"""`make demo`, as its command runs it: every published event is accounted for, and the last line says so."""

import re
import subprocess
import sys

from local.machine.file_lock import wait_for_lock
from tests.e2e.stack.stack_processes import home_for

_LAST_LINE = re.compile(r"demo: (\d+) published, (\d+) accounted for, 0 lost, 0 doubled")


def test_the_demo_accounts_for_every_event_that_it_published() -> None:
    """Every kind, a sender killed while it works, one notification's history; and nothing is left running."""
    home = home_for("demo")
    with wait_for_lock(home / "test.lock", waiting=print):
        demo = subprocess.run(
            [sys.executable, "-m", "local", "--home", str(home), "demo"],
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    ended = _LAST_LINE.fullmatch(demo.stdout.rstrip().splitlines()[-1])
    assert ended, demo.stdout
    published, accounted = map(int, ended.groups())
    assert published == accounted
    assert published >= 300
    assert "SIGKILL" in demo.stdout
    assert not (home / "endpoints.json").exists()
