"""Downloads Debian or Ubuntu packages and unpacks them into a directory, without installing anything.

apt works on a private state in a directory of its own, so nothing on the system changes and root is not needed.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from local.machine.packages.apt_sources import AptSource
from local.machine.processes import CannotStartError, run_to_end

# A package system in which nothing is installed, and without the hooks of the machine's own configuration.
_APT_CONF = """\
#clear APT::Update;
#clear DPkg;
#clear APT::Architectures;
#clear Dir::Cache::archives;
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Get::Assume-Yes "true";
APT::Install-Recommends "false";
APT::Install-Suggests "false";
APT::Default-Release "";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
Debug::NoLocking "true";
Dir::Cache "{state}/cache";
Dir::Cache::archives "archives/";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{state}/sources.list.d";
Dir::Log "{state}/log";
Dir::State "{state}";
Dir::State::lists "{state}/lists";
Dir::State::status "{state}/status";
Dir::State::extended_states "{state}/extended_states";
"""

# The status of a package that apt is told is installed already.
_ASSUMED = """\
Package: {name}
Status: install ok installed
Version: 99:0
Architecture: {architecture}
Multi-Arch: allowed
Maintainer: nobody
Description: not needed here

"""


def has_apt() -> bool:
    return all(map(shutil.which, ("apt-get", "apt-cache", "dpkg", "dpkg-deb")))


class PrivateApt:
    """apt with its own state in `state`. It knows only `sources`, and takes only `assumed` to be installed."""

    def __init__(self, state: Path, *, log: Path, sources: Sequence[AptSource], assumed: Sequence[str] = ()) -> None:
        self._conf = state / "apt.conf"
        self._archives = state / "cache" / "archives"
        self._log = log
        architecture = _output("dpkg", "--print-architecture").strip()
        for directory in (self._archives / "partial", state / "lists" / "partial", state / "sources.list.d"):
            directory.mkdir(parents=True, exist_ok=True)
        (state / "sources.list.d" / "private.sources").write_text("\n".join(map(str, sources)))
        (state / "status").write_text("".join(_ASSUMED.format(name=n, architecture=architecture) for n in assumed))
        self._conf.write_text(_APT_CONF.format(state=_quotable(state), architecture=architecture))

    def update(self) -> None:
        """Reads what can be read: the packages of a source that does not answer are missing from `names`."""
        with suppress(CannotStartError):
            self._run("apt-get", "-c", self._conf, "update", "-q")

    def names(self, prefix: str) -> list[str]:
        return _output("apt-cache", "-c", self._conf, "pkgnames", prefix).split()

    def unpack(self, package: str, into: Path) -> None:
        """Unpacks the package and its dependencies; apt checks each against the archive's signature."""
        self._run("apt-get", "-c", self._conf, "install", "-q", "--download-only", package)
        self._unpack_archives(into)

    def unpack_alone(self, package: str, into: Path) -> None:
        """The same without the dependencies."""
        self._run("apt-get", "-c", self._conf, "download", "-q", package, cwd=self._archives)
        self._unpack_archives(into)

    def _unpack_archives(self, into: Path) -> None:
        for archive in sorted(self._archives.glob("*.deb")):
            self._run("dpkg-deb", "-x", archive, into)
        _turn_links(into)

    def _run(self, program: str, *arguments: str | Path, cwd: Path | None = None) -> None:
        run_to_end([program, *arguments], name=program, log=self._log, cwd=cwd, env={"LC_ALL": "C"})


def _turn_links(tree: Path) -> None:
    """An absolute link means the root of a system; where the tree has its target, the link is made to lead there."""
    for link in tree.rglob("*"):
        if link.is_symlink() and link.readlink().is_absolute():
            target = tree / link.readlink().relative_to("/")
            if os.path.lexists(target):
                link.unlink()
                link.symlink_to(os.path.relpath(target, link.parent))


def _quotable(path: Path) -> str:
    if '"' in str(path):
        raise CannotStartError(f"apt cannot work in a directory with a quotation mark in its name: {path}")
    return str(path)


def _output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
