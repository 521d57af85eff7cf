"""Keeps the packages that pip installed, and the same with bytecode: each is made once for its pins and target.

`python -m cdk.build.kept_wheels` fills those of the default stage. Setting up runs it, so that a synthesis needs no
network.
"""

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from cdk.build.bytecode import compile_layer, mark
from cdk.build.wheels import Target, fingerprint, install
from cdk.error import SettingsError
from cdk.settings.context import ROOT, own_context
from cdk.settings.stage import DEFAULT_STAGE, stage_settings

_KEPT = ROOT / ".local" / "cache" / "wheels"


def kept(requirements: Path, target: Target) -> Path:
    """The directory with the packages. If two processes install at once, the first result is kept."""
    return _once(_KEPT / fingerprint(requirements, target), lambda into: install(requirements, target, into))


def kept_compiled(requirements: Path, target: Target) -> Path:
    """The same directory as a layer, with bytecode if this machine can make it."""
    installed = kept(requirements, target)

    def compiled(into: Path) -> None:
        shutil.copytree(installed, into / "python")
        compile_layer(into, target.python)

    return _once(_KEPT / identity(requirements, target), compiled)


def identity(requirements: Path, target: Target) -> str:
    """The identity of the layer made from these packages on this machine."""
    return f"{fingerprint(requirements, target)[:48]}{hashlib.sha256(mark(target.python).encode()).hexdigest()[:16]}"


def _once(directory: Path, fill: Callable[[Path], None]) -> Path:
    if not directory.exists():
        _KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_KEPT, prefix=".unfinished-") as unfinished:
            fill(Path(unfinished) / "made")
            _keep(Path(unfinished) / "made", directory)
    return directory


def _keep(made: Path, directory: Path) -> None:
    try:
        made.rename(directory)
    except OSError:
        if not directory.exists():
            raise


def copy(requirements: Path, target: Target, into: Path) -> None:
    """Copies only the packages."""
    shutil.copytree(kept(requirements, target), into)


def copy_layer(requirements: Path, target: Target, into: Path) -> None:
    shutil.copytree(kept_compiled(requirements, target), into, dirs_exist_ok=True)


def main() -> None:
    stage = stage_settings(own_context().get("stages"), DEFAULT_STAGE)
    target = Target(python=stage.python, architecture=stage.architecture, here=stage.wheels == "this-machine")
    for requirements in sorted(ROOT.glob("layers/*/requirements.txt")):
        kept_compiled(requirements, target)


if __name__ == "__main__":
    try:
        main()
    except SettingsError as error:
        sys.exit(f"hongyan: {error}")
