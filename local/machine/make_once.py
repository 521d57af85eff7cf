"""Makes a file or directory once and keeps it, such as a download or an initialised data directory."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from local.machine.file_lock import wait_for_lock

_HALF_MADE = ".half-made-"


def make_once(target: Path, make: Callable[[Path], None], *, say: Callable[[str], None]) -> Path:
    """Calls `make(directory)` unless `target` exists. Of several processes at once, only one does."""
    if target.exists():
        return target
    with wait_for_lock(target.with_name(f".{target.name}.lock"), waiting=lambda what: say(f"hongyan: {what}")):
        if not target.exists():
            _make(target, make)
    return target


def _make(target: Path, make: Callable[[Path], None]) -> None:
    """Makes it under another name and then renames it, so that a killed process leaves nothing that looks finished."""
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
