"""Finds a Python 3.13 that knows nothing of this project, or fetches Debian's."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from local.machine.make_once import make_once
from local.machine.packages.apt_sources import machine_sources, with_suite
from local.machine.packages.private_apt import PrivateApt, has_apt
from local.machine.processes import CannotStartError

VERSION = "3.13"
#: Debian's release with that Python
_RELEASE = "trixie"
#: what the package wants for its scripts, which do not run
_NOT_NEEDED = ["debconf", "media-types", "netbase", "tzdata"]


def clean_python(cache: Path) -> tuple[str, ...]:
    """This Python or another of the machine; otherwise Debian's, unpacked into the cache and run by its own loader."""
    for installed in (sys.executable, shutil.which(f"python{VERSION}")):
        if installed and _is_wanted([installed]):
            return (installed,)
    return _fetched(cache)


def _is_wanted(command: Sequence[str]) -> bool:
    """The one on the PATH may belong to a version manager, which runs only the version that was chosen."""
    asked = subprocess.run([*command, "-I", "-S", "--version"], capture_output=True, text=True, check=False)
    return asked.returncode == 0 and asked.stdout.startswith(f"Python {VERSION}.")


def _fetched(cache: Path) -> tuple[str, ...]:
    if not has_apt():
        raise CannotStartError(f"no Python {VERSION} on the PATH, and no apt to fetch one")
    cache.mkdir(parents=True, exist_ok=True)
    tree = make_once(cache / f"python{VERSION}", partial(_unpack, cache / "python-apt.log"), say=print)
    (loader,) = tree.glob("usr/lib/*/ld-linux*.so.*")
    command = (str(loader), "--library-path", str(loader.parent), str(tree / "usr" / "bin" / f"python{VERSION}"))
    if not _is_wanted(command):
        raise CannotStartError(f"the Python {VERSION} in {tree} does not run here: put one on the PATH")
    return command


def _unpack(log: Path, tree: Path) -> None:
    sources = with_suite(machine_sources(), _RELEASE)
    apt = PrivateApt(tree / "apt", log=log, sources=sources, assumed=_NOT_NEEDED)
    apt.update()
    apt.unpack(f"python{VERSION}", tree)
    shutil.rmtree(tree / "apt")
