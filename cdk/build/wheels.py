"""Installs a layer's third-party packages with pip, for the stage's Lambda and without Docker."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from sysconfig import get_platform

from cdk.build.authorities import LAYOUT, split
from cdk.error import SettingsError

#: Increase this when `_prune` changes, so that layers are built again.
_RECIPE = "1"
_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
#: The newest glibc of each runtime's operating system, Amazon Linux 2 or 2023.
_GLIBC = {"3.11": 26, "3.12": 34, "3.13": 34, "3.14": 34}
_OLDEST_GLIBC = 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The Python that will import the packages."""

    python: str
    architecture: str
    #: Whether it is this interpreter on this machine instead of Lambda's.
    here: bool = False

    def pip_options(self) -> Sequence[str]:
        if self.here:
            return ()
        platforms = [f"--platform={tag}" for tag in self._platforms()]
        return ("--implementation=cp", f"--python-version={self.python}", *platforms)

    def _platforms(self) -> Sequence[str]:
        """Lists every older tag too, because pip matches platforms literally."""
        machine = _MACHINES[self.architecture]
        numbered = [f"manylinux_2_{minor}_{machine}" for minor in range(_GLIBC[self.python], _OLDEST_GLIBC - 1, -1)]
        return (*numbered, f"manylinux2014_{machine}")


def fingerprint(requirements: Path, target: Target) -> str:
    """Identifies the packages and the target without installing anything."""
    parts = [_RECIPE, LAYOUT, requirements.read_text(), *target.pip_options()]
    parts += [sys.version, get_platform()] * target.here
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def install(requirements: Path, target: Target, into: Path) -> None:
    """Installs wheels only, because a source distribution would be built for this machine and not for the target.

    Dependencies are not resolved, because the list has everything that the runtime lacks.
    """
    _refuse_foreign_python(target)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += [
        "--no-deps",
        "--only-binary=:all:",
        *target.pip_options(),
        "--requirement",
        str(requirements),
        "--target",
        str(into),
    ]
    no_user = {**os.environ, "PIP_USER": "0"}  # pip refuses --target together with a user site
    result = subprocess.run(command, env=no_user, capture_output=True, text=True, check=False)  # noqa: S603  # runs our own interpreter
    if result.returncode:
        raise SettingsError(f"pip could not install {requirements}: {_last_line(result.stderr)}")
    _prune(into)
    for bundle in into.glob("certifi/*.pem"):
        split(bundle)


def _refuse_foreign_python(target: Target) -> None:
    mine = f"{sys.version_info.major}.{sys.version_info.minor}"
    if target.here and target.python != mine:
        raise SettingsError(f"python: should be {mine} with wheels this-machine, is {target.python}")


def _prune(directory: Path) -> None:
    """Deletes what no function imports. Keeps the metadata, because packages look up their own version."""
    shutil.rmtree(directory / "bin", ignore_errors=True)
    for useless in [*directory.rglob("__pycache__"), *directory.glob("*/tests")]:
        shutil.rmtree(useless, ignore_errors=True)


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no output")
