"""A process of our own that is killed at the worst moment."""

from __future__ import annotations

import subprocess
import sys


def killed_when_it_says(word: str, module: str, *arguments: str) -> None:
    """Runs `python -m module` and kills it (SIGKILL) as soon as it has printed this line; it gets no time to react."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            said = child.stdout.readline().strip() if child.stdout else ""
        finally:
            child.kill()
    assert said == word, f"{module} said {said!r} before it ended, not {word!r}"
