"""Keeps the packages that pip installed: a directory for each requirements file and target, filled once.

`python -m cdk.build.kept_wheels` fills those of the default stage. Setting up runs it, so that a synthesis needs no
network.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from cdk.build.wheels import Target, fingerprint, install
from cdk.settings.context import ROOT, own_context
from cdk.settings.error import SettingsError
from cdk.settings.stage import DEFAULT_STAGE, stage_settings

_KEPT = ROOT / ".local" / "cache" / "wheels"


def kept(requirements: Path, target: Target) -> Path:
    """The directory that has the packages. If two processes install at once, the first result is kept."""
    directory = _KEPT / fingerprint(requirements, target)
    if not directory.exists():
        _KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_KEPT, prefix=".unfinished-") as unfinished:
            install(requirements, target, Path(unfinished) / "python")
            _keep(Path(unfinished) / "python", directory)
    return directory


def _keep(made: Path, directory: Path) -> None:
    try:
        made.rename(directory)
    except OSError:
        if not directory.exists():
            raise


def copy(requirements: Path, target: Target, into: Path) -> None:
    shutil.copytree(kept(requirements, target), into)


def main() -> None:
    stage = stage_settings(own_context().get("stages"), DEFAULT_STAGE)
    target = Target(python=stage.python, architecture=stage.architecture, here=stage.wheels == "this-machine")
    for requirements in sorted(ROOT.glob("layers/*/requirements.txt")):
        kept(requirements, target)


if __name__ == "__main__":
    try:
        main()
    except SettingsError as error:
        sys.exit(f"hongyan: {error}")
