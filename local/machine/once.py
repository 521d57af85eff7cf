"""Things that are made once and kept: a target path and a recipe in, the finished path out, never a half-made one."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from local.machine.lock import turn

_HALF_MADE = ".half-made-"


def made_once(target: Path, make: Callable[[Path], None], *, say: Callable[[str], None]) -> Path:
    """`target`, made by `make(directory)` when it is not there yet; of several callers at once, one makes it."""
    if target.exists():
        return target
    with turn(target.with_name(f".{target.name}.lock"), waiting=lambda what: say(f"hongyan: {what}")):
        if not target.exists():
            _make(target, make)
    return target


def _make(target: Path, make: Callable[[Path], None]) -> None:
    """Made under another name and then renamed: a maker that was killed leaves nothing that looks finished."""
    prefix = f"{_HALF_MADE}{target.name}-"
    for left_behind in target.parent.glob(f"{prefix}*"):
        shutil.rmtree(left_behind)
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    try:
        make(directory)
        directory.rename(target)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
